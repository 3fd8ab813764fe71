"""``headswap serve``: the local engine as a server."""

from __future__ import annotations

from typing import Annotated

import typer

from headswap_cli.commands import options as o
from headswap_cli.context import AppContext, require_engine

HostOpt = Annotated[str, typer.Option("--host", help="The address to listen on.")]
PortOpt = Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")]
StatusOpt = Annotated[bool, typer.Option("--status", help="Say whether an engine runs, and end.")]
StopOpt = Annotated[bool, typer.Option("--stop", help="Stop the engine that runs, and end.")]
FetchOpt = Annotated[bool, typer.Option("--fetch", help="Fetch and check the engine's weights, and end.")]


def serve_command(
    *,
    host: HostOpt = "127.0.0.1",
    port: PortOpt = 0,
    status: StatusOpt = False,
    stop: StopOpt = False,
    fetch: FetchOpt = False,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
) -> None:
    """Run the local engine in the foreground until Ctrl-C.

    Other commands start it by themselves when they need it. Its API is the cloud service's own.

    Example: headswap serve --port 8765
    """
    from headswap_cli import local
    from headswap_cli.render import views

    app = AppContext(as_json=as_json, quiet=quiet)
    folders = app.folders
    if status:
        app.view.show(views.engine(local.find(folders.data)))
        return
    if stop:
        stopped = local.stop(folders.data)
        text = "The local engine has stopped." if stopped else "The local engine was not running."
        app.view.show(views.message(text, stopped=stopped))
        return
    require_engine()
    weights = app.fetch_weights(check=fetch)
    if fetch:
        app.view.show(views.message(str(weights), weights=str(weights)))
        return

    def on_url(url: str) -> None:
        app.view.show(views.message(url, url=url))

    raise typer.Exit(local.run_foreground(folders.data, folders.cache, host, port, on_url=on_url))
