#!/bin/sh
# Usage: PGBOUNCER_PASSWORD=... entrypoint.sh pgbouncer.ini
# Writes PgBouncer's own password to userlist.txt in the working directory, where pgbouncer.ini expects it.
set -eu
: "${PGBOUNCER_PASSWORD:?must be the password of the PostgreSQL role pgbouncer}"
umask 077
printf '"pgbouncer" "%s"\n' "$(printf '%s' "$PGBOUNCER_PASSWORD" | sed 's/"/""/g')" >userlist.txt
unset PGBOUNCER_PASSWORD
exec pgbouncer "$1"
