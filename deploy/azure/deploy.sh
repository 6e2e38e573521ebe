#!/usr/bin/env bash
# Deploys customhouse to an Azure resource group; run it again to update (docs/deploy-azure.md).
# Environment: GROUP and LOCATION; PARAMETERS holds further name=value pairs for main.bicep; SOURCE is the built folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

GROUP=${GROUP:-customhouse}
LOCATION=${LOCATION:-westeurope}
SOURCE=${SOURCE:-build/azure}
read -ra parameters <<<"${PARAMETERS:-}"

az group create --name "$GROUP" --location "$LOCATION" --output none
az deployment group create --resource-group "$GROUP" --name customhouse --template-file "$here/main.bicep" \
  --parameters location="$LOCATION" "${parameters[@]}" --output none
app=$(az deployment group show --resource-group "$GROUP" --name customhouse \
  --query properties.outputs.app.value --output tsv)
cd "$SOURCE"
func azure functionapp publish "$app" --python --build remote
