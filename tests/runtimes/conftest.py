from tests.emulators.fixtures import azure_connection_string

__all__ = ["azure_connection_string"]
