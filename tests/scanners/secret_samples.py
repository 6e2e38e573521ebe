"""Secrets in the shapes their providers give them, and look-alikes; all random, none of them opens anything.

In a shape, `{36n}` stands for 36 random characters: a alphabetic, n alphanumeric, w `n` with `-` and `_`, h hex,
H upper-case hex, d digits, b base64, B base32, l lower-case alphanumeric, U upper-case alphanumeric, g Bech32,
u a UUID.
"""

from __future__ import annotations

import random
import re
import string
import uuid

_ALPHABETS = {
    "a": string.ascii_letters,
    "n": string.ascii_letters + string.digits,
    "w": string.ascii_letters + string.digits + "-_",
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "d": string.digits,
    "b": string.ascii_letters + string.digits + "+/",
    "B": string.ascii_uppercase + "234567",
    "l": string.ascii_lowercase + string.digits,
    "U": string.ascii_uppercase + string.digits,
    "g": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}

SHAPES: dict[str, str] = {
    "adafruit-io-key": "aio_{28n}",
    "ado-connection-string": "Server=tcp:db.acme.io,1433;Database=x;User ID=app;Password={16n};",
    "ado-password-first": "Password={16n};User ID=app;Server=db.acme.io",
    "age-secret-key": "AGE-SECRET-KEY-1{58g}",
    "airtable-token": "pat{14n}.{64h}",
    "algolia-admin-key": "ALGOLIA_ADMIN_KEY = '{32h}'",
    "alibaba-access-key-id": "LTAI{20n}",
    "anthropic-key": "sk-ant-api03-{93n}AA",
    "artifactory-api-key": "AKCp{69n}",
    "artifactory-reference-token": "cmVmd{59n}",
    "asana-token": 'asana = "1/{16d}:{32h}"',
    "assigned-secret": 'api_key = "{32n}7x7"',
    "atlassian-access-token": "ATCTT3xFfG{178n}={8H}",
    "atlassian-api-token": "ATATT3xFfG{178n}={8H}",
    "auth0-client-secret": 'AUTH0_SECRET="{60n}4x4x"',
    "aws-access-key-id": "AKIA{16B}",
    "aws-access-key-pair": "aws_access_key_id = AKIA{16B}\naws_secret_access_key = {40b}",
    "aws-bedrock-key": "ABSK{130n}==",
    "aws-mws-token": "amzn.mws.{u}",
    "aws-secret-access-key": "aws_secret_access_key = {36b}7x7x",
    "azure-ad-client-secret": "{3n}8Q~{34n}",
    "azure-ai-key": "{52n}JQQJ99{26n}",
    "azure-container-registry-key": 'password: "{42b}+ACR{6n}"',
    "azure-devops-token": "{76n}AZDO{4n}",
    "azure-functions-key": "{44n}AzFu{5n}Q==",
    "azure-sas-signature": "https://x1.blob.core.windows.net/a?sv=2024-11-04&se=2027-01-01&sr=c&sp=r&sig={43n}%3D",
    "azure-search-key": "{42n}AzSeA{5n}",
    "azure-shared-access-key": "Endpoint=sb://a1.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey={43b}=",
    "azure-storage-key": "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={86b}==;",
    "bearer-header": "Authorization: Bearer {40n}3k3k",
    "bitbucket-app-password": "ATBB{24n}{8H}",
    "braintree-access-token": "access_token$production${16l}${32h}",
    "brevo-key": "xkeysib-{64h}-{16n}",
    "buildkite-token": "bkua_{40h}",
    "circleci-token": "CCIPAT_{22n}_{40h}",
    "clickhouse-cloud-secret": "4b1d{38n}",
    "clojars-token": "CLOJARS_{60l}",
    "cloudflare-api-token": "CLOUDFLARE_API_TOKEN={36n}7x7x",
    "cloudflare-origin-ca-key": "v1.0-{24h}-{146h}",
    "cloudsmith-key": "csa_{40n}",
    "codecov-token": "CODECOV_TOKEN={u}",
    "cohere-key": 'cohere_key = "{36n}7x7x"',
    "configured-secret": "api_token: {32n}7x7",
    "confluent-secret": 'CONFLUENT_SECRET="{60b}7x7x"',
    "connection-string": "postgresql://billing:{18n}@db.acme-corp.io:5432/main",
    "contentful-token": "CFPAT-{43n}",
    "crates-io-token": "cio{32n}",
    "databricks-token": "dapi{32h}",
    "datadog-key": "DATADOG_API_KEY={32h}",
    "deepseek-key": "DEEPSEEK_API_KEY=sk-{32h}",
    "defined-networking-token": "dnkey-{26n}-{52n}",
    "digitalocean-token": "dop_v1_{64h}",
    "discord-bot-token": "MTk{23n}.G{5n}.{38n}",
    "discord-webhook": "https://discord.com/api/webhooks/{19d}/{68n}",
    "docker-auth": '{{"auths": {{"ghcr.io": {{"auth": "{48b}"}}}}}}',
    "dockerhub-token": "dckr_pat_{27n}",
    "doppler-token": "dp.pt.{43n}",
    "dropbox-token": "sl.u.{136n}",
    "duffel-token": "duffel_live_{43n}",
    "dynatrace-token": "dt0c01.{24B}.{64B}",
    "easypost-key": "EZAK{54n}",
    "elevenlabs-key": "sk_{48h}",
    "endorlabs-key": "endr+{16n}",
    "environment-secret": "DJANGO_SECRET_KEY={40n}5z5z",
    "facebook-token": "EAAC{180n}",
    "fastly-api-token": 'fastly_key = "{28n}7x7x"',
    "figma-token": "figd_{40n}",
    "fireworks-key": "fw_{24n}",
    "flutterwave-key": "FLWSECK-{32h}-X",
    "flyio-macaroon": "fm2_{120b}=",
    "flyio-token": "fo1_{43n}",
    "frameio-token": "fio-u-{64n}",
    "git-url-token": "https://{36n}7x7x@git.acme.io/app.git",
    "github-app-token": "ghs_{36n}",
    "github-fine-grained-token": "github_pat_{22n}_{59n}",
    "github-oauth-token": "gho_{36n}",
    "github-personal-token": "ghp_{36n}",
    "github-refresh-token": "ghr_{76n}",
    "gitlab-oauth-secret": "gloas-{64h}",
    "gitlab-other-token": "glrt-{20n}",
    "gitlab-personal-token": "glpat-{20n}",
    "gitlab-runner-registration": "GR1348941{20n}",
    "gitlab-trigger-token": "glptt-{40h}",
    "google-api-key": "AIza{35n}",
    "google-oauth-access-token": "ya29.{120n}",
    "google-oauth-client-secret": "GOCSPX-{28n}",
    "google-oauth-refresh-token": "1//0{60n}",
    "grafana-cloud-token": "glc_eyJ{120n}=",
    "grafana-service-token": "glsa_{32n}_{8h}",
    "groq-key": "gsk_{52n}",
    "harness-token": "pat.{22n}.{24h}.{20n}",
    "heroku-api-key": "HRKU-AA{58n}",
    "heroku-legacy-key": 'heroku_api_key: "{u}"',
    "honeycomb-key": "hcaik_{58l}",
    "hubspot-token": "pat-na1-{u}",
    "huggingface-org-token": "api_org_{34a}",
    "huggingface-token": "hf_{34a}",
    "infracost-key": "ico-{32n}",
    "jdbc-password": "jdbc:postgresql://db.acme.io/main?user=app&password={16n}",
    "json-web-token": "eyJhbGciOiJIUzI1NiJ9.eyJ{60n}.{43n}",
    "langfuse-secret-key": "sk-lf-{u}",
    "langsmith-key": "lsv2_pt_{32h}_{10h}",
    "launchdarkly-key": "sdk-{u}",
    "linear-key": "lin_api_{40n}",
    "linode-token": 'LINODE_TOKEN="{64h}"',
    "mailchimp-key": "'{32h}-us17'",
    "mailgun-key": "MAILGUN_KEY = 'key-{32h}'",
    "mapbox-secret-token": "sk.eyJ{80n}.{22n}",
    "maxmind-license-key": "{6n}_{29n}_mmk",
    "mistral-key": 'mistral_key = "{28n}7x7x"',
    "named-secret": "- name: DB_PASSWORD\n  value: {16n}7x7x",
    "neon-api-key": "napi_{64l}",
    "netlify-token": "nfp_{36n}",
    "netrc-password": "machine git.acme.io login deploy password {20n}",
    "new-relic-insights-key": "NRIQ-{32n}",
    "new-relic-key": "NRAK-{27U}",
    "notion-token": "ntn_{11d}{35n}",
    "npm-auth": "//registry.acme.io/:_auth={48b}",
    "npm-legacy-token": "//registry.acme.io/:_authToken={u}",
    "npm-registry-token": "//npm.acme.io/:_authToken={36n}7x7x",
    "npm-token": "npm_{36n}",
    "nuget-api-key": "oy2{43l}",
    "nvidia-api-key": "nvapi-{64n}",
    "octopus-api-key": "API-{30U}",
    "okta-token": 'okta_token = "00{36n}7x7x"',
    "onepassword-secret-key": "A3-{6U}-{11U}-{5U}-{5U}-{5U}",
    "onepassword-service-token": "ops_eyJ{300b}=",
    "openai-key": "sk-proj-{74n}T3BlbkFJ{74n}",
    "openrouter-key": "sk-or-v1-{64h}",
    "pagerduty-key": 'pagerduty = "{16n}7x7x"',
    "perplexity-key": "pplx-{48n}",
    "pgpass-password": "db.acme.io:5432:app:bob:{16n}",
    "php-defined-secret": "define('DB_PASSWORD', '{16n}7x7x');",
    "pinecone-key": "pcsk_{6n}_{63n}",
    "plaid-access-token": "access-production-{u}",
    "planetscale-token": "pscale_tkn_{43n}",
    "posthog-personal-key": "phx_{45n}",
    "postman-key": "PMAK-{24h}-{34h}",
    "postmark-token": "POSTMARK_TOKEN={u}",
    "prefect-token": "pnu_{36n}",
    "private-key": "-----BEGIN RSA PRIVATE KEY-----\n{64b}\n{64b}\n{64b}\n-----END RSA PRIVATE KEY-----",
    "pulumi-token": "pul-{40h}",
    "putty-private-key": (
        "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nComment: k\nPublic-Lines: 2\n{64b}\n{64b}\n"
        "Private-Lines: 2\n{64b}\n{64b}\nPrivate-MAC: 1"
    ),
    "pypi-token": "pypi-AgEIcHlwaS5vcmc{150n}",
    "pypirc-password": "[acme]\nrepository = https://pypi.acme.io\nusername = bob\npassword = {16n}",
    "razorpay-live-key": "rzp_live_{14n}",
    "readme-key": "rdme_{70l}",
    "render-api-key": "rnd_{32n}",
    "replicate-token": "r8_{37n}",
    "resend-key": "re_{8n}_{24n}",
    "rubygems-token": "rubygems_{48h}",
    "scalingo-token": "tk-us-{48n}",
    "sendgrid-key": "SG.{22n}.{43n}",
    "sentry-org-token": "sntrys_eyJ{120b}_{43n}",
    "sentry-user-token": "sntryu_{64h}",
    "shippo-live-token": "shippo_live_{40h}",
    "shopify-token": "shpat_{32h}",
    "slack-app-token": "xapp-1-A{10U}-{13d}-{64l}",
    "slack-bot-token": "xoxb-{12d}-{12d}-{24n}",
    "slack-config-token": "xoxe.xoxp-1-{166n}",
    "slack-legacy-token": "xoxo-{12d}-{12d}-{32n}",
    "slack-user-token": "xoxp-{12d}-{12d}-{12d}-{32l}",
    "slack-webhook": "https://hooks.slack.com/services/T{10U}/B{10U}/{24n}",
    "sonar-token": "sqp_{40h}",
    "sourcegraph-token": "sgp_{16h}_{40h}",
    "square-access-token": "EAAA{60n}",
    "square-secret": "sq0csp-{43n}",
    "stripe-live-key": "sk_live_{24n}",
    "stripe-webhook-secret": "whsec_{32b}",
    "supabase-secret-key": "sb_secret_{31n}",
    "supabase-token": "sbp_{40h}",
    "tailscale-key": "tskey-auth-{17n}-{32n}",
    "tavily-key": "tvly-dev-{32n}",
    "teams-webhook": "https://acme.webhook.office.com/webhookb2/{u}@{u}/IncomingWebhook/{32h}/{u}",
    "telegram-bot-token": "{10d}:AA{33n}",
    "tencent-secret-id": "AKID{32n}",
    "terraform-random-password": '"bcrypt_hash": "$2a$10$x", "id": "none", "result": "{16n}"',
    "terraform-token": "{14n}.atlasv1.{67n}",
    "travis-token": "travis_token: {18n}7x7x",
    "twilio-auth-token": "TWILIO_AUTH_TOKEN={32h}",
    "twilio-key": "SK{32h}",
    "typeform-token": "tfp_{59n}",
    "url-with-password": "https://deploy:{24n}@git.acme-corp.io/app.git",
    "vault-token": "hvs.{90n}",
    "vercel-token": "vcp_{56n}",
    "wandb-key": "WANDB_API_KEY={40h}",
    "wandb-v1-key": "wandb_v1_{77n}",
    "x-bearer-token": "AAAAAAAAAAAAAAAAAAAAAA{80n}",
    "xai-key": "xai-{80n}",
    "xml-secret": "<password>{24n}7x7</password>",
    "yandex-api-key": "AQVN{36n}",
    "yarn-auth-ident": "npmAuthIdent: deploy:{32n}",
}


_PLACE = re.compile(r"\{(\d*)([a-zA-Z])\}")


def fill(shape: str, source: random.Random) -> str:
    """The shape with random characters in its places."""

    def place(match: re.Match[str]) -> str:
        if match[2] == "u":
            return str(uuid.UUID(int=source.getrandbits(128), version=4))
        return "".join(source.choices(_ALPHABETS[match[2]], k=int(match[1])))

    return _plain(_PLACE.sub(place, shape))


def shortened(shape: str, source: random.Random) -> str:
    """The same with places of a quarter of their length, too little for any provider's secret."""

    def place(match: re.Match[str]) -> str:
        return "{8h}-{4h}" if match[2] == "u" else f"{{{int(match[1]) // 4}{match[2]}}}"

    return fill(_PLACE.sub(place, shape), source)


def blanked(shape: str) -> str:
    """The same as documentation writes it: one character over and over where the secret is."""
    return _plain(
        _PLACE.sub(lambda match: "0" * 36 if match[2] == "u" else "x0"[match[2] in "dhHu"] * int(match[1]), shape)
    )


def misspelt(shape: str) -> str:
    """The shape with the letters that mark it in the other case."""
    return re.sub(r"(\{\d*[a-zA-Z]\})|[^{]", lambda match: match[1] or match[0].swapcase(), shape)


def _plain(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")


LOOKALIKES = (
    "sha256:{64h}",
    'integrity = "sha512-{86b}=="',
    "commit {40h}",
    '"checksum": "{64h}"',
    "id: {u}",
    'api_key = "your-api-key-goes-here"',
    'password = "correct horse battery staple"',
    'token = os.environ["SERVICE_TOKEN_{6U}"]',
    "postgresql://user:password@localhost:5432/{8l}",
    "mysql://root:{12n}@127.0.0.1/app",
    "https://{6l}.acme.io/path/{40h}",
    'secret_name = "projects/{8l}/secrets/database-password"',
    "AKIA{16l}",
    "AKIAEXAMPLE{9U}",
    "ghp_{20n}",
    "ghp_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    "github_pat_{10n}",
    'client_secret = "${{CLIENT_SECRET_{4U}}}"',
    "data:image/png;base64,iVBORw0KGgo{120b}",
    "-----BEGIN PUBLIC KEY-----\n{64b}\n{64b}\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----\n{64b}\n{64b}\n-----END CERTIFICATE-----",
    "ssh-rsa AAAAB3NzaC1yc2E{200b} me@host",
    "xoxb-not-a-real-token",
    "sk_test_{5n}",
    'token_type = "bearer_{6a}"',
    'passwordField = "input[name=password_{4a}]"',
    "eyJhbGciOiJIUzI1NiJ9",
    'secretKeyRef = "database-credentials-{4a}"',
    "etag: W/{32h}",
    "color: #{6h}; width: {3d}px",
    'css_module = "styles_{20n}"',
    "SG.{10n}.{12n}",
    "hf_{12a}",
    "version {1d}.{2d}.{3d}",
    'access_token = get_token("{8l}")',
    "def {12a}_token(self): return self.{10a}",
    '"nonce": "{24n}"',
    'cache_key = "user:{8d}:profile"',
    "mac 00:{2h}:{2h}:{2h}:{2h}:{2h}",
    "AIza{10n}",
)
