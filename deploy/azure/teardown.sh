#!/usr/bin/env bash
# Removes the resource group with everything in it, artifacts included: only with DELETE_GROUP=yes. Without it, only
# the way of an upload is cut: no event arrives any more, and the function app stops.
set -euo pipefail

GROUP=${GROUP:-customhouse}

if [ "${DELETE_GROUP:-no}" = yes ]; then
  az group delete --name "$GROUP" --yes
  exit
fi
output() {
  az deployment group show --resource-group "$GROUP" --name customhouse --query "properties.outputs.$1.value" --output tsv
}
az functionapp stop --resource-group "$GROUP" --name "$(output app)"
az eventgrid system-topic event-subscription delete --resource-group "$GROUP" --name to-queue \
  --system-topic-name "$(output topic)" --yes
