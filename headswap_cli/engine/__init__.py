"""The local engine: head swap on a CPU, offline, behind the same API as the cloud service."""
