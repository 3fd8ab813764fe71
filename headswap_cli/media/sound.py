"""Sound on its way into the result: packets copied, or encoded anew where mp4 has no place for them."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import av

from headswap_cli.folders import DISK_FULL
from headswap_cli.media.container import packets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer

    AudioPacket = av.Packet[AudioStream]

# Codecs that players expect in an mp4.
_CARRIED = {"aac", "ac3", "alac", "eac3", "flac", "mp2", "mp3", "opus"}
_AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}
_LAYOUTS = {1: "mono", 6: "5.1"}
_BIT_RATE = 192_000
# What FFmpeg may say that is no fault of the packets.
_OURS = {*DISK_FULL, errno.EIO, errno.ENOMEM}
_DAMAGED = "some of the sound was left out: it is damaged"


class Sound:
    """All audio streams of ``source``, written into ``target`` in step with its picture.

    To be made before the first packet is muxed; ``notices`` tells what could not be carried over as it was.

    Args:
        source: Opened for this alone.
        target: The mp4 that is written.
        origin_s: The time on the source's clock that becomes zero.
    """

    def __init__(self, source: InputContainer, target: OutputContainer, origin_s: Fraction) -> None:
        self.notices: list[str] = []
        self._target = target
        self._ways: dict[int, _Way] = {}
        for stream in source.streams.audio:
            self._choose_way(stream, origin_s)
        streams = [stream for stream in source.streams.audio if stream.index in self._ways]
        self._packets = packets(source, streams) if streams else iter(())
        self._next = self._read()

    def advance(self, until_s: Fraction | None) -> None:
        """Write the packets that start before ``until_s`` on the source's clock; ``None`` means the rest."""
        while self._next is not None and (until_s is None or _start_s(self._next) < until_s):
            with self._damage_noted():
                self._write(self._ways[self._next.stream.index].carry(self._next))
            self._next = self._read()
        if until_s is None:
            for way in self._ways.values():
                with self._damage_noted():
                    self._write(way.finish())

    def _read(self) -> AudioPacket | None:
        with self._damage_noted():
            return next(self._packets, None)
        return None

    def _write(self, packets: list[AudioPacket]) -> None:
        for packet in packets:
            with self._damage_noted():
                self._target.mux(packet)

    @contextmanager
    def _damage_noted(self) -> Iterator[None]:
        """Go on without what FFmpeg cannot take."""
        try:
            yield
        except av.FFmpegError as error:
            if error.errno in _OURS:
                raise
            if _DAMAGED not in self.notices:
                self.notices.append(_DAMAGED)

    def _choose_way(self, stream: AudioStream, origin_s: Fraction) -> None:
        if getattr(stream, "codec_context", None) is None:
            self.notices.append("a sound track was left out: no decoder for it")
            return
        codec = stream.codec_context.codec.canonical_name
        if codec in _CARRIED:
            self._ways[stream.index] = _Copy(stream, self._target, origin_s)
        else:
            self._ways[stream.index] = _Transcode(stream, self._target, origin_s)
            self.notices.append(f"the sound was encoded anew as AAC: mp4 does not carry {codec}")


class _Way(Protocol):
    def carry(self, packet: AudioPacket) -> list[AudioPacket]: ...

    def finish(self) -> list[AudioPacket]: ...


class _Copy:
    """Hands packets on with their bytes and times untouched, but for the origin."""

    def __init__(self, stream: AudioStream, target: OutputContainer, origin_s: Fraction) -> None:
        self._stream = target.add_stream_from_template(stream)
        _copy_language(stream, self._stream)
        self._origin = _ticks(origin_s, stream)
        self._last_dts: int | None = None

    def carry(self, packet: AudioPacket) -> list[AudioPacket]:
        if packet.dts is None:
            return []
        packet.dts -= self._origin
        if self._last_dts is not None and packet.dts <= self._last_dts:
            # A clock that starts again; mp4 has but one.
            return []
        self._last_dts = packet.dts
        packet.pts = packet.dts if packet.pts is None else max(packet.dts, packet.pts - self._origin)
        packet.stream = self._stream
        return [packet]

    def finish(self) -> list[AudioPacket]:
        return []


class _Transcode:
    """Decodes packets and encodes them as AAC, in place on the source's clock."""

    def __init__(self, stream: AudioStream, target: OutputContainer, origin_s: Fraction) -> None:
        context = stream.codec_context
        rate = context.sample_rate if context.sample_rate in _AAC_RATES else 48_000
        # By number: some containers do not say which speakers they mean, and the encoder has to know.
        layout = _LAYOUTS.get(context.channels, "stereo")
        self._stream = target.add_stream("aac", rate=rate, layout=layout, bit_rate=_BIT_RATE)
        _copy_language(stream, self._stream)
        self._origin = _ticks(origin_s, stream)

    def carry(self, packet: AudioPacket) -> list[AudioPacket]:
        encoded: list[AudioPacket] = []
        for frame in packet.decode():
            if frame.pts is not None:
                frame.pts -= self._origin
            encoded += self._stream.encode(frame)
        return encoded

    def finish(self) -> list[AudioPacket]:
        return self._stream.encode(None)


def _copy_language(stream: AudioStream, target: AudioStream) -> None:
    if "language" in stream.metadata:
        target.metadata["language"] = stream.metadata["language"]


def _ticks(time_s: Fraction, stream: AudioStream) -> int:
    return round(time_s / stream.time_base) if stream.time_base else 0


def _start_s(packet: AudioPacket) -> Fraction:
    # The packet that flushes a stream's decoder has no time, and comes when all others are through.
    return Fraction(0) if packet.dts is None else packet.dts * packet.time_base
