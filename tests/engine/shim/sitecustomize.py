"""Put on PYTHONPATH by the fault arena: engines of that process tree work with the stand-in pipeline."""

import os
import sys

import headswap_cli

headswap_cli.__version__ = os.environ.get("ARENA_VERSION", headswap_cli.__version__)
if "headswap_cli.engine" in sys.orig_argv and "ARENA_STANDIN" in os.environ:
    from headswap_cli.engine import server

    command = [sys.executable, os.environ["ARENA_STANDIN"]]
    vars(server)["worker_command"] = lambda data, cache: [*command, str(data), str(cache)]
