#!/bin/sh
# Usage: PGBOUNCER_PASSWORD=... entrypoint.sh pgbouncer.ini
# Writes the one password that PgBouncer needs for itself into the working directory, where pgbouncer.ini looks for it.
set -eu
: "${PGBOUNCER_PASSWORD:?is the password of the PostgreSQL role pgbouncer}"
umask 077
printf '"pgbouncer" "%s"\n' "$(printf '%s' "$PGBOUNCER_PASSWORD" | sed 's/"/""/g')" >userlist.txt
unset PGBOUNCER_PASSWORD
exec pgbouncer "$1"
