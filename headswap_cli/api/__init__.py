"""The Head Swap Open API, as a client speaks it."""
