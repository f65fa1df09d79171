#!/bin/bash
# Runs once, when PostgreSQL starts on an empty volume: a database and a login for each server.
set -euo pipefail

make_database() { # NAME PASSWORD_FILE
    psql --set=ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
        --set=name="$1" --set=password="$(<"$2")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
}

make_database prefect "$PREFECT_DATABASE_PASSWORD_FILE"
make_database mlflow "$MLFLOW_DATABASE_PASSWORD_FILE"
