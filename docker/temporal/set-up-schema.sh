#!/bin/sh
# Creates Temporal's two databases and updates their schemas to this version. Safe to run again.
set -eu

sql_tool() {
  temporal-sql-tool --plugin postgres12 --ep postgresql -p 5432 -u temporal --db "$@"
}

for database in temporal visibility; do
  name="$database"
  [ "$database" = visibility ] && name=temporal_visibility
  sql_tool "$name" create
  sql_tool "$name" setup-schema -v 0.0
  sql_tool "$name" update-schema -d "/etc/temporal/schema/postgresql/v12/$database/versioned"
done
