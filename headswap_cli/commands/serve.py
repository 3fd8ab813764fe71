"""``headswap serve``: the local engine as a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headswap_cli.commands import options as o
from headswap_cli.context import AppContext
from headswap_cli.extras import require_engine

HostOpt = Annotated[str, typer.Option("--host", help="The address to listen on.")]
PortOpt = Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")]
StatusOpt = Annotated[bool, typer.Option("--status", help="Say whether an engine runs, and end.")]
StopOpt = Annotated[bool, typer.Option("--stop", help="Stop the engine that runs, and end.")]
ClearOpt = Annotated[
    bool, typer.Option("--clear", help="Delete all jobs that have ended and all media but a waiting job's.")
]
WorkersOpt = Annotated[int, typer.Option("--workers", min=1, max=32, help="How many jobs are done at once.")]
TokenOpt = Annotated[
    Path | None,
    typer.Option("--token-file", help="A file of mode 0600 with the key that clients must send."),
]
AllowPrivateOpt = Annotated[
    bool,
    typer.Option("--allow-private", help="With --host: fetch URLs from private addresses too."),
]
FetchOpt = Annotated[bool, typer.Option("--fetch", help="Fetch and check the engine's weights, and end.")]

_EXPOSED = (
    "The engine listens on {host}, where other machines reach it. Whoever has the key in {token_file} can"
    " upload videos and photos, have faces swapped, fetch every result and preview, delete them and stop the"
    " engine. Whoever has the URL of a file that it answers can fetch that file. The key and the media travel"
    " unencrypted: use a network you trust, a tunnel, or a proxy that speaks TLS."
)


def serve_command(
    *,
    host: HostOpt = "127.0.0.1",
    port: PortOpt = 0,
    status: StatusOpt = False,
    stop: StopOpt = False,
    fetch: FetchOpt = False,
    clear: ClearOpt = False,
    workers: WorkersOpt = 1,
    token_file: TokenOpt = None,
    allow_private: AllowPrivateOpt = False,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
) -> None:
    """Run the local engine in the foreground until Ctrl-C.

    Other commands start it by themselves when they need it. Its API is the cloud service's own. On another
    address than loopback it demands --token-file, since others can reach it.

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
        left = local.unfinished(folders.data)
        stopped = local.stop(folders.data)
        app.view.show(views.stopped_engine(stopped=stopped, unfinished=left))
        return
    require_engine()
    if clear:
        jobs, files = local.clear(folders.data, folders.cache)
        app.view.show(views.message(f"Deleted: {jobs} jobs, {files} files.", jobs=jobs, files=files))
        return
    serving = local.Serving(host, port, workers, token_file, allow_private)
    weights = app.fetch_weights(check=fetch)
    if fetch:
        app.view.show(views.message(str(weights), weights=str(weights)))
        return

    def _on_url(url: str) -> None:
        if not local.is_loopback(host):
            app.view.complain(_EXPOSED.format(host=host, token_file=token_file))
        app.view.show(views.message(url, url=url))
        app.view.notices(_way_in(url, token_file, local.descriptor_path(folders.data)))
        app.view.notices(["Ctrl-C stops it; a job at work goes back to the queue."])

    code = local.run_foreground(folders.data, folders.cache, serving, on_url=_on_url)
    app.view.notices(["The local engine has stopped."])
    raise typer.Exit(code)


def _way_in(url: str, token_file: Path | None, descriptor: Path) -> list[str]:
    """Return where the key is that clients send, and a command that sends it; the key itself is not shown."""
    import shlex

    place = shlex.quote(str((token_file or descriptor).resolve()))
    where, read = f"what is in {place}", f"cat {place}"
    if token_file is None:
        where, read = f'the "token" in {place}, another one at each start', f"jq -r .token {place}"
    return [
        f"This program finds it by itself; others must send its key, {where}:",
        f'curl -H "x-api-key: $({read})" {shlex.quote(f"{url}/health")}',
    ]
