#!/usr/bin/env bash
# Removes what deploy.sh made. Buckets, and what is in them, go only with DELETE_BUCKETS=yes. The two custom roles
# stay: they cost nothing, and Google keeps a deleted role's name blocked.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=settings.sh
source "$here/settings.sh"

remove() { # describe and delete the same thing
  local -a what=("$@")
  exists gcloud "${what[@]/@@/describe}" || return 0
  gcloud "${what[@]/@@/delete}" --quiet
}

for job in reconcile lifecycle advisories rematch; do
  remove scheduler jobs @@ "$NAME-$job" --project="$PROJECT" --location="$REGION"
done
for name in "$NAME" "$NAME-schedule"; do
  remove functions @@ "$name" --gen2 --project="$PROJECT" --region="$REGION"
done
remove pubsub subscriptions @@ "$DEAD_LETTERS" --project="$PROJECT"
remove pubsub topics @@ "$DEAD_LETTERS" --project="$PROJECT"
for policy in $(gcloud alpha monitoring policies list --project="$PROJECT" --filter="displayName='$NAME'" --format='value(name)'); do
  gcloud alpha monitoring policies delete "$policy" --project="$PROJECT" --quiet
done
for address in "$RUNNER" "$CALLER" "$BUILDER"; do
  remove iam service-accounts @@ "$address" --project="$PROJECT"
done
if [ "${DELETE_BUCKETS:-no}" = yes ]; then
  for name in "$INTAKE" "$RELEASED" "$QUARANTINE" "$RECORDS"; do
    exists gcloud storage buckets describe "gs://$name" || continue
    gcloud storage rm "gs://$name" --recursive --all-versions
  done
fi
