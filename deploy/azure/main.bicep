// customhouse on Azure: blob -> Event Grid -> storage queue -> function (Flex Consumption), timer for the jobs.
// Two accounts: `data` holds artifacts and records, `host` what the function itself needs. Nothing uses account keys.
targetScope = 'resourceGroup'

@description('Prefix of all names: 3 to 11 lower-case letters and digits.')
@minLength(3)
@maxLength(11)
param name string = 'customhouse'
param location string = resourceGroup().location
@description('An existing storage account of this resource group to watch; empty creates one.')
param dataAccount string = ''
@description('Containers; those of a created account are created with it.')
param intake string = 'intake'
param released string = 'released'
param quarantine string = 'quarantine'
param records string = 'records'
@description('The policy file, as az:// URL in the records container or as path in the package; empty means built-in.')
param policy string = ''
@description('Where notices go: https://… or eventgrid+https://…; empty tells nobody.')
@secure()
param notify string = ''
@description('The key that signs what goes to a webhook; empty signs nothing.')
@secure()
param notifySecret string = ''
@description('NCRONTAB expression: when to look for blobs without a record.')
param reconcileSchedule string = '0 0 * * * *'
@description('NCRONTAB expression: when to go on with what the lifecycle rules retire; a container is planned once a day.')
param lifecycleSchedule string = '0 30 * * * *'
@description('NCRONTAB expression: when to look for newer archives of advisories; one that did not change is not fetched.')
param advisoriesSchedule string = '0 15 */6 * * *'
@description('NCRONTAB expression: when to match what is recorded with a vulnerability index that changed since.')
param rematchSchedule string = '0 45 * * * *'
@description('Archives of OSV: an https:// URL, or an az:// URL in the records container; empty is OSV itself.')
param advisories string = ''
@description('Which ecosystems of OSV to index, separated by commas; empty are the usual ones.')
param ecosystems string = ''
@description('Lists of what is in use somewhere, as az:// URLs in the records container, separated by commas.')
param inUse string = ''
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048
@minValue(40)
@maxValue(1000)
param maximumInstances int = 40
param logRetentionDays int = 30
@description('Resource id of an action group that is told of failures; empty tells nobody.')
param actionGroup string = ''

var suffix = uniqueString(resourceGroup().id, name)
var dataName = empty(dataAccount) ? take('${name}d${suffix}', 24) : dataAccount
var hostName = take('${name}h${suffix}', 24)
var queueName = 'customhouse-events'
var roles = {
  blobOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner, of the function's own account only
  blobContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor, for the dead letters
  queueContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // Storage Queue Data Contributor
  queueSender: 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a' // Storage Queue Data Message Sender
  tableContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor
  reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7' // Reader: Get Account Information, which says whether tags exist
  metricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb' // Monitoring Metrics Publisher
}
var blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'
var ownRoles = [ // exactly the calls that the function makes; no built-in role has blobs/tags/write and less than all
  {
    what: 'artifacts'
    may: [
      '${blobs}/read'
      '${blobs}/write'
      '${blobs}/delete'
      '${blobs}/deleteBlobVersion/action'
      '${blobs}/tags/read'
      '${blobs}/tags/write'
    ]
  }
  {
    what: 'records'
    may: [
      '${blobs}/read'
      '${blobs}/write'
      '${blobs}/delete'
      '${blobs}/deleteBlobVersion/action'
    ]
  }
]
var grants = [
  { container: intake, own: 0 }
  { container: released, own: 0 }
  { container: quarantine, own: 0 }
  { container: records, own: 1 }
]
var createdGrants = empty(dataAccount) ? grants : []

// ---- the account of the artifacts
resource created 'Microsoft.Storage/storageAccounts@2023-05-01' = if (empty(dataAccount)) {
  name: take('${name}d${suffix}', 24)
  location: location
  sku: { name: 'Standard_ZRS' }
  kind: 'StorageV2'
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
    networkAcls: { defaultAction: 'Allow', bypass: 'AzureServices' }
  }
}

resource createdBlobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = if (empty(dataAccount)) {
  parent: created
  name: 'default'
  properties: {
    isVersioningEnabled: true
    deleteRetentionPolicy: { enabled: true, days: 7 }
    containerDeleteRetentionPolicy: { enabled: true, days: 7 }
  }
}

resource createdContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = [for grant in createdGrants: {
  parent: createdBlobs
  name: grant.container
  properties: { publicAccess: 'None' }
}]

resource oldVersions 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = if (empty(dataAccount)) {
  parent: created
  name: 'default'
  dependsOn: [createdBlobs]
  properties: {
    policy: {
      rules: [
        {
          name: 'old-versions'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'] }
            actions: { version: { delete: { daysAfterCreationGreaterThan: 30 } } }
          }
        }
        {
          name: 'stored-inspections'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['${records}/inspections/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 90 } } }
          }
        }
      ]
    }
  }
}

resource data 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: dataName
}

resource dataBlobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' existing = {
  parent: data
  name: 'default'
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' existing = [for grant in grants: {
  parent: dataBlobs
  name: grant.container
}]

// ---- the account of the function: its package, its queue and poison queue, its dead letters
resource host 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: hostName
  location: location
  sku: { name: 'Standard_LRS' }
  kind: 'StorageV2'
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
    networkAcls: { defaultAction: 'Allow', bypass: 'AzureServices' }
  }
}

resource hostBlobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: host
  name: 'default'
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: hostBlobs
  name: 'packages'
  properties: { publicAccess: 'None' }
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: hostBlobs
  name: 'dead-letters'
  properties: { publicAccess: 'None' }
}

resource hostQueues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: host
  name: 'default'
}

resource events 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: hostQueues
  name: queueName
}

resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: hostQueues
  name: '${queueName}-poison'
}

// ---- who may do what
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-run'
  location: location
}

resource handler 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for role in ownRoles: {
  name: guid(resourceGroup().id, name, role.what)
  properties: {
    roleName: '${name}-${role.what}-${suffix}'
    description: 'What the customhouse function does to its ${role.what}.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [{ actions: [], notActions: [], dataActions: role.may, notDataActions: [] }]
  }
}]

resource handlesBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (grant, index) in grants: {
  name: guid(dataName, grant.container, identity.id, ownRoles[grant.own].what)
  scope: containers[index]
  dependsOn: [createdContainers]
  properties: {
    roleDefinitionId: handler[grant.own].id
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}]

resource readsAccount 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dataName, identity.id, roles.reader)
  scope: data
  dependsOn: [created]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.reader)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource runsHost 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in [
  roles.blobOwner
  roles.queueContributor
  roles.tableContributor
]: {
  name: guid(host.id, identity.id, role)
  scope: host
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}]

resource tellsMetrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, identity.id, roles.metricsPublisher)
  scope: insights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.metricsPublisher)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// ---- the way of an upload: Event Grid writes into the queue with its own identity, and keeps what it cannot deliver
resource topic 'Microsoft.EventGrid/systemTopics@2024-06-01-preview' = {
  name: '${name}-uploads'
  location: location
  identity: { type: 'SystemAssigned' }
  properties: {
    source: data.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

resource sendsEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(events.id, topic.id, roles.queueSender)
  scope: events
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.queueSender)
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource keepsDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(deadLetters.id, topic.id, roles.blobContributor)
  scope: deadLetters
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobContributor)
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2024-06-01-preview' = {
  parent: topic
  name: 'to-queue'
  dependsOn: [sendsEvents, keepsDeadLetters]
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      subjectBeginsWith: '/blobServices/default/containers/${intake}/'
    }
    deliveryWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      destination: {
        endpointType: 'StorageQueue'
        properties: { resourceId: host.id, queueName: queueName, queueMessageTimeToLiveInSeconds: 604800 }
      }
    }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: { resourceId: host.id, blobContainerName: 'dead-letters' }
      }
    }
    retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }
  }
}

// ---- the function
resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: logRetentionDays
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${name}-insights'
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: logs.id
    DisableLocalAuth: true
  }
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: '${name}-plan'
  location: location
  kind: 'functionapp'
  sku: { tier: 'FlexConsumption', name: 'FC1' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: '${name}-${suffix}'
  location: location
  kind: 'functionapp,linux'
  dependsOn: [runsHost]
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
    }
    functionAppConfig: {
      runtime: { name: 'python', version: '3.12' }
      scaleAndConcurrency: { instanceMemoryMB: instanceMemoryMB, maximumInstanceCount: maximumInstances }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${host.properties.primaryEndpoints.blob}packages'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union({
    AzureWebJobsStorage__accountName: host.name
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identity.properties.clientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
    AZURE_CLIENT_ID: identity.properties.clientId
    CUSTOMHOUSE_QUEUE: queueName
    CUSTOMHOUSE_RECONCILE_SCHEDULE: reconcileSchedule
    CUSTOMHOUSE_LIFECYCLE_SCHEDULE: lifecycleSchedule
    CUSTOMHOUSE_ADVISORIES_SCHEDULE: advisoriesSchedule
    CUSTOMHOUSE_REMATCH_SCHEDULE: rematchSchedule
    CUSTOMHOUSE_INTAKE: 'az://${dataName}/${intake}'
    CUSTOMHOUSE_RELEASED: 'az://${dataName}/${released}'
    CUSTOMHOUSE_QUARANTINE: 'az://${dataName}/${quarantine}'
    CUSTOMHOUSE_RECORDS: 'az://${dataName}/${records}'
  }, empty(policy) ? {} : { CUSTOMHOUSE_POLICY: policy }, empty(inUse) ? {} : { CUSTOMHOUSE_IN_USE: inUse }, empty(advisories) ? {} : { CUSTOMHOUSE_ADVISORIES: advisories }, empty(ecosystems) ? {} : { CUSTOMHOUSE_ECOSYSTEMS: ecosystems }, empty(notify) ? {} : { CUSTOMHOUSE_NOTIFY: notify }, empty(notifySecret) ? {} : { CUSTOMHOUSE_NOTIFY_SECRET: notifySecret })
}

resource failures 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-failures'
  location: 'global'
  properties: {
    description: 'An upload could not be judged: look at the poison queue (docs/deploy-azure.md).'
    severity: 2
    enabled: true
    scopes: [insights.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'failed'
          metricName: 'requests/failed'
          metricNamespace: 'microsoft.insights/components'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Count'
        }
      ]
    }
    actions: empty(actionGroup) ? [] : [{ actionGroupId: actionGroup }]
  }
}

output app string = app.name
output dataAccount string = dataName
output queueAccount string = host.name
output topic string = topic.name
