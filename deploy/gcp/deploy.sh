#!/usr/bin/env bash
# Deploys customhouse to a Google Cloud project; run it again to update (docs/deploy-gcp.md).
# Finalized object -> Eventarc (Pub/Sub, with dead letters) -> function; Cloud Scheduler -> function for the jobs.
# Environment: settings.sh, and POLICY, NOTIFY, NOTIFY_SECRET, SCHEDULE, LIFECYCLE_SCHEDULE, IN_USE,
# ADVISORIES_SCHEDULE, REMATCH_SCHEDULE, ADVISORIES, ECOSYSTEMS, MEMORY, MAX_INSTANCES, SOURCE.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=settings.sh
source "$here/settings.sh"

POLICY=${POLICY:-}             # gs:// URL in the records bucket or path in the package; empty means built-in
NOTIFY=${NOTIFY:-}             # pubsub://project/topic or https://…; empty tells nobody
NOTIFY_SECRET=${NOTIFY_SECRET:-} # name of the Secret Manager secret that signs what goes to a webhook; empty signs nothing
SCHEDULE=${SCHEDULE:-0 * * * *} # when to look for objects without a record
LIFECYCLE_SCHEDULE=${LIFECYCLE_SCHEDULE:-30 * * * *} # when to go on with what the policy's lifecycle rules retire
ADVISORIES_SCHEDULE=${ADVISORIES_SCHEDULE:-15 */6 * * *} # when to look for newer archives of advisories
REMATCH_SCHEDULE=${REMATCH_SCHEDULE:-45 * * * *} # when to match what is recorded with an index that changed since
ADVISORIES=${ADVISORIES:-}     # https:// URL or gs:// URL in the records bucket of OSV's archives; empty is OSV itself
ECOSYSTEMS=${ECOSYSTEMS:-}     # which of OSV's ecosystems to index, separated by commas; empty are the usual ones
IN_USE=${IN_USE:-}             # gs:// URLs of lists of what is in use somewhere, separated by commas
MEMORY=${MEMORY:-2Gi}          # /tmp is memory on Cloud Run: this bounds the artifacts that can be spooled
MAX_INSTANCES=${MAX_INSTANCES:-10}
SOURCE=${SOURCE:-build/gcp}

enable_services() {
  gcloud services enable --project="$PROJECT" \
    artifactregistry.googleapis.com cloudbuild.googleapis.com cloudfunctions.googleapis.com \
    cloudscheduler.googleapis.com eventarc.googleapis.com monitoring.googleapis.com pubsub.googleapis.com \
    run.googleapis.com storage.googleapis.com
}

bucket() { # name, native rules; an existing bucket is taken as it is
  exists gcloud storage buckets describe "gs://$1" && return
  gcloud storage buckets create "gs://$1" --project="$PROJECT" --location="$REGION" \
    --uniform-bucket-level-access --public-access-prevention
  gcloud storage buckets update "gs://$1" --versioning --lifecycle-file="$here/$2" && return
  gcloud storage buckets delete "gs://$1" # or the next run would take it as it is
  return 1
}

role() { # id, permissions: exactly the calls that the function makes
  if exists gcloud iam roles describe "$1" --project="$PROJECT"; then
    gcloud iam roles update "$1" --project="$PROJECT" --permissions="$2" --quiet
  else
    gcloud iam roles create "$1" --project="$PROJECT" --title="$1" --stage=GA --permissions="$2"
  fi
}

service_account() {
  local address=$1-$2@$PROJECT.iam.gserviceaccount.com
  exists gcloud iam service-accounts describe "$address" --project="$PROJECT" ||
    gcloud iam service-accounts create "$1-$2" --project="$PROJECT" --display-name="$3"
}

grant_project() { # account, role, condition if any
  gcloud projects add-iam-policy-binding "$PROJECT" --member="serviceAccount:$1" --role="$2" --condition="${3:-None}"
}

grant_bucket() { # bucket, role, further flags
  local name=$1 role=$2
  shift 2
  gcloud storage buckets add-iam-policy-binding "gs://$name" --member="serviceAccount:$RUNNER" \
    --role="projects/$PROJECT/roles/$role" "$@"
}

identities() {
  service_account "$NAME" run "customhouse: inspects"
  service_account "$NAME" call "customhouse: delivers events and schedules"
  service_account "$NAME" build "customhouse: builds the functions"
  role customhouseIntake storage.objects.delete,storage.objects.get,storage.objects.list,storage.objects.update
  role customhouseWriter storage.objects.create,storage.objects.delete,storage.objects.get,storage.objects.list
  for name in "$INTAKE" "$RELEASED" "$QUARANTINE"; do grant_bucket "$name" customhouseIntake; done
  for name in "$RELEASED" "$QUARANTINE" "$RECORDS"; do grant_bucket "$name" customhouseWriter; done
  # what lifecycle deletes waits there until it can no longer be undone; nothing else of the intake is written to
  local trash="projects/_/buckets/$INTAKE/objects/customhouse-undo/"
  grant_bucket "$INTAKE" customhouseWriter --condition="title=trash,expression=resource.name.startsWith(\"$trash\")"
  grant_project "$CALLER" roles/eventarc.eventReceiver
  for name in logging.logWriter artifactregistry.writer; do grant_project "$BUILDER" "roles/$name"; done
  # what it builds from, which Cloud Functions keeps there; no artifact of anybody's
  local sources='resource.name.startsWith("projects/_/buckets/gcf-v2-")'
  grant_project "$BUILDER" roles/storage.objectViewer "title=sources,expression=$sources"
  grant_project "$(gcloud storage service-agent --project="$PROJECT")" roles/pubsub.publisher
  case $NOTIFY in pubsub://*)
    local topic=${NOTIFY#pubsub://}
    gcloud pubsub topics add-iam-policy-binding "${topic#*/}" --project="${topic%%/*}" \
      --member="serviceAccount:$RUNNER" --role=roles/pubsub.publisher
  esac
  [ -z "$NOTIFY_SECRET" ] || gcloud secrets add-iam-policy-binding "$NOTIFY_SECRET" --project="$PROJECT" \
    --member="serviceAccount:$RUNNER" --role=roles/secretmanager.secretAccessor
}

settings() {
  printf '^;^CUSTOMHOUSE_INTAKE=gs://%s;CUSTOMHOUSE_RELEASED=gs://%s' "$INTAKE" "$RELEASED"
  printf ';CUSTOMHOUSE_QUARANTINE=gs://%s;CUSTOMHOUSE_RECORDS=gs://%s' "$QUARANTINE" "$RECORDS"
  printf '%s%s' "${POLICY:+;CUSTOMHOUSE_POLICY=$POLICY}" "${NOTIFY:+;CUSTOMHOUSE_NOTIFY=$NOTIFY}"
  printf '%s%s' "${IN_USE:+;CUSTOMHOUSE_IN_USE=$IN_USE}" "${ADVISORIES:+;CUSTOMHOUSE_ADVISORIES=$ADVISORIES}"
  printf '%s' "${ECOSYSTEMS:+;CUSTOMHOUSE_ECOSYSTEMS=$ECOSYSTEMS}"
}

deploy_function() { # name, entry point, further flags
  local name=$1 entry=$2
  shift 2
  gcloud functions deploy "$name" --gen2 --project="$PROJECT" --region="$REGION" --runtime=python312 \
    --source="$SOURCE" --entry-point="$entry" --set-env-vars="$(settings)" --memory="$MEMORY" --cpu=1 \
    --max-instances="$MAX_INSTANCES" --ingress-settings=internal-only --no-allow-unauthenticated \
    --service-account="$RUNNER" \
    ${NOTIFY_SECRET:+"--set-secrets=CUSTOMHOUSE_NOTIFY_SECRET=$NOTIFY_SECRET:latest"} \
    --build-service-account="projects/$PROJECT/serviceAccounts/$BUILDER" "$@"
  gcloud functions add-invoker-policy-binding "$name" --project="$PROJECT" --region="$REGION" \
    --member="serviceAccount:$CALLER"
}

both_functions() {
  deploy_function "$NAME" artifact --timeout=540 --retry --trigger-service-account="$CALLER" --trigger-location="$REGION" \
    --trigger-event-filters=type=google.cloud.storage.object.v1.finalized \
    --trigger-event-filters="bucket=$INTAKE"
  deploy_function "$NAME-schedule" schedule --timeout=1800 --trigger-http
}

dead_letters() { # what failed for some two hours waits for 14 days, and an alert says so
  local agent trigger subscription
  agent=service-$(gcloud projects describe "$PROJECT" --format='value(projectNumber)')@gcp-sa-pubsub.iam.gserviceaccount.com
  exists gcloud pubsub topics describe "$DEAD_LETTERS" --project="$PROJECT" ||
    gcloud pubsub topics create "$DEAD_LETTERS" --project="$PROJECT"
  exists gcloud pubsub subscriptions describe "$DEAD_LETTERS" --project="$PROJECT" ||
    gcloud pubsub subscriptions create "$DEAD_LETTERS" --project="$PROJECT" --topic="$DEAD_LETTERS" \
      --message-retention-duration=14d --expiration-period=never
  trigger=$(gcloud functions describe "$NAME" --gen2 --project="$PROJECT" --region="$REGION" \
    --format='value(eventTrigger.trigger)')
  subscription=$(gcloud eventarc triggers describe "${trigger##*/}" --project="$PROJECT" --location="$REGION" \
    --format='value(transport.pubsub.subscription)')
  gcloud pubsub topics add-iam-policy-binding "$DEAD_LETTERS" --project="$PROJECT" \
    --member="serviceAccount:$agent" --role=roles/pubsub.publisher
  gcloud pubsub subscriptions add-iam-policy-binding "${subscription##*/}" --project="$PROJECT" \
    --member="serviceAccount:$agent" --role=roles/pubsub.subscriber
  gcloud pubsub subscriptions update "${subscription##*/}" --project="$PROJECT" --ack-deadline=600 \
    --dead-letter-topic="projects/$PROJECT/topics/$DEAD_LETTERS" --max-delivery-attempts=20 \
    --min-retry-delay=10s --max-retry-delay=600s
}

schedule() { # job, when
  local url verb=create
  url=$(gcloud functions describe "$NAME-schedule" --gen2 --project="$PROJECT" --region="$REGION" \
    --format='value(serviceConfig.uri)')
  exists gcloud scheduler jobs describe "$NAME-$1" --project="$PROJECT" --location="$REGION" && verb=update
  local headers=--headers
  [ "$verb" = create ] || headers=--update-headers
  gcloud scheduler jobs "$verb" http "$NAME-$1" --project="$PROJECT" --location="$REGION" \
    --schedule="$2" --uri="$url" --http-method=POST --message-body="{\"schedule\": \"$1\"}" \
    "$headers=Content-Type=application/json" --oidc-service-account-email="$CALLER" --oidc-token-audience="$url" \
    --attempt-deadline=1800s --max-retry-attempts=2
}

alerts() {
  local found
  found=$(gcloud alpha monitoring policies list --project="$PROJECT" --filter="displayName='$NAME'" --format='value(name)')
  [ -z "$found" ] || return 0
  gcloud alpha monitoring policies create --project="$PROJECT" \
    --policy="$(sed "s/@NAME@/$NAME/g" "$here/alerts.json")"
}

enable_services
for name in "$INTAKE" "$RELEASED" "$QUARANTINE"; do bucket "$name" bucket-lifecycle.json; done
bucket "$RECORDS" records-lifecycle.json
identities
both_functions
dead_letters
schedule reconcile "$SCHEDULE"
schedule lifecycle "$LIFECYCLE_SCHEDULE"
schedule advisories "$ADVISORIES_SCHEDULE"
schedule rematch "$REMATCH_SCHEDULE"
alerts
echo "Upload to gs://$INTAKE; what passes appears in gs://$RELEASED."
