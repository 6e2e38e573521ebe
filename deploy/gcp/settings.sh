# Names shared by deploy.sh and teardown.sh; each can be set in the environment beforehand.
# shellcheck shell=bash disable=SC2034 # the two scripts read what is set here

NAME=${NAME:-customhouse}
REGION=${REGION:-europe-west1}
PROJECT=${PROJECT:-$(gcloud config get-value project 2>/dev/null)}

INTAKE=${INTAKE:-$PROJECT-$NAME-intake}
RELEASED=${RELEASED:-$PROJECT-$NAME-released}
QUARANTINE=${QUARANTINE:-$PROJECT-$NAME-quarantine}
RECORDS=${RECORDS:-$PROJECT-$NAME-records}

DEAD_LETTERS=$NAME-dead-letters
RUNNER=$NAME-run@$PROJECT.iam.gserviceaccount.com
CALLER=$NAME-call@$PROJECT.iam.gserviceaccount.com
BUILDER=$NAME-build@$PROJECT.iam.gserviceaccount.com

exists() { "$@" >/dev/null 2>&1; }
