#!/bin/sh
# Usage: PGBOUNCER_PASSWORD=... entrypoint.sh pgbouncer.ini
# Writes PgBouncer's own password to userlist.txt in the working directory, where pgbouncer.ini expects it, and runs it on
# PgBouncer 1.18 and newer.
set -eu
: "${PGBOUNCER_PASSWORD:?must be the password of the PostgreSQL role pgbouncer}"
umask 077
printf '"pgbouncer" "%s"\n' "$(printf '%s' "$PGBOUNCER_PASSWORD" | sed 's/"/""/g')" >userlist.txt
unset PGBOUNCER_PASSWORD
minor=$(pgbouncer --version | sed -n 's/^PgBouncer 1\.\([0-9]*\).*/\1/p')
if [ "${minor:-0}" -ge 19 ]; then
  { cat "$1" && echo 'auth_dbname = postgres'; } >effective.ini
  exec pgbouncer effective.ini
fi
echo "PgBouncer before 1.19 looks logins up in each database: see $1" >&2
exec pgbouncer "$1"
