#!/bin/sh
# Makes the secrets of a deployment at its first start, and tells them at every start: `docker compose logs init`.
#
# Each is kept in SECRETS/made, which only root may read, and handed on in a file that only its reader may open.
# A variable of the same meaning (docs/how-to/compose.md) chooses one at the first start; later ones change nothing.
set -eu
umask 077

SECRETS=${1:-/run/secrets}
SERVICE=10001 SERVER=999 GRAFANA=472 # uids of our images, of postgres and redis, and of grafana

# random: 64 hexadecimal digits
random() { od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# keep NAME [CHOSEN]: the secret NAME as it was made; made now if it is not there
keep() {
  if [ ! -s "$SECRETS/made/$1" ]; then
    value=${2:-$(random)}
    case $value in
    *[!A-Za-z0-9._~-]*)
      echo "The $1 that was chosen has other characters than letters, digits and . _ ~ -; choose another." >&2
      exit 1
      ;;
    esac
    printf %s "$value" >"$SECRETS/made/$1.new"
    mv "$SECRETS/made/$1.new" "$SECRETS/made/$1"
  fi
  cat "$SECRETS/made/$1"
}

# hand NAME OWNER MODE TEXT: the file NAME, whole at every moment
hand() {
  printf %s "$4" >"$SECRETS/made/.$1"
  chmod "$3" "$SECRETS/made/.$1"
  chown "$2" "$SECRETS/made/.$1"
  mv "$SECRETS/made/.$1" "$SECRETS/$1"
}

mkdir -p "$SECRETS/made"
chmod 755 "$SECRETS"
database=$(keep database_password "${TRM_DB_PASSWORD:-}")
broker=$(keep broker_password)
admin=$(keep admin_secret "${TRM_ADMIN_SECRET:-}")
grafana=$(keep grafana_password "${GRAFANA_PASSWORD:-}")
reader=$(keep reader_password)

hand postgres_password $SERVER 400 "$database"
hand redis.conf $SERVER 400 "requirepass $broker"
hand redis_password $SERVER 400 "$broker"
hand trm_database_url $SERVICE 400 "postgresql://trm:$database@db/trm"
hand trm_broker_url $SERVICE 400 "redis://:$broker@broker:6379/0"
hand trm_admin_secret $SERVICE 400 "$admin"
hand grafana_password $GRAFANA 400 "$grafana"
hand trm_reader_password $GRAFANA:$SERVICE 440 "$reader" # Grafana reads it, migrations make the role

cat <<TOLD
Secrets of this deployment, in the volume "secrets". Make API keys of less scope with the first one: docs/how-to/secure.md

  API, admin's key          trm_admin_$admin
  Grafana, admin            $grafana
  Postgres, trm             $database
  Postgres, trm_reader      $reader
  Broker                    $broker
TOLD
