#!/usr/bin/env bash
# Deploys customhouse to an Azure resource group; run it again to update (docs/deploy-azure.md).
# Environment: GROUP and LOCATION; PARAMETERS holds further name=value pairs for main.bicep, in quotes where there are
# blanks in them: PARAMETERS="intake=in 'reconcileSchedule=0 0 */6 * * *'"; SOURCE is the built folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

GROUP=${GROUP:-customhouse}
LOCATION=${LOCATION:-westeurope}
SOURCE=${SOURCE:-build/azure}
words=$(xargs -r -n1 printf '%s\n' <<<"${PARAMETERS:-}")
parameters=("location=$LOCATION")
while IFS= read -r one; do [ -z "$one" ] || parameters+=("$one"); done <<<"$words"

az group create --name "$GROUP" --location "$LOCATION" --output none
az deployment group create --resource-group "$GROUP" --name customhouse --template-file "$here/main.bicep" \
  --parameters "${parameters[@]}" --output none
app=$(az deployment group show --resource-group "$GROUP" --name customhouse \
  --query properties.outputs.app.value --output tsv)
cd "$SOURCE"
func azure functionapp publish "$app" --python --build remote
