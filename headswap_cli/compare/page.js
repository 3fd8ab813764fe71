"use strict";
(() => {
  const get = (id) => document.getElementById(id);
  const facts = JSON.parse(get("facts").textContent);
  const [before, after, stage, cut, seek, player] = ["before", "after", "stage", "cut", "seek", "player"].map(get);
  const players = [before, after];
  // The pictures run on one clock, silent; the sound follows them.
  const voice = get("voice");
  const times = facts.times_s;
  const last = times.length - 1;
  // Further apart than this, a player jumps; nearer, it catches up by playing a little faster or slower.
  const JUMP_S = 0.15;
  // A sound that is off by less seems to come with the picture.
  const VOICE_S = 0.12;
  let speed = 1;
  let playing = false;
  let busy = false;
  let wanted = null;

  const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
  const clock = (time) => {
    const tenths = Math.floor(time * 10 + 1e-6);
    return `${Math.floor(tenths / 600)}:${String(Math.floor((tenths % 600) / 10)).padStart(2, "0")}.${tenths % 10}`;
  };
  const frameAt = (time) => {
    let [low, high] = [0, last];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= time + 1e-4) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  // A frame's border is anybody's, and Chromium may think that a short frame before lasts until its middle.
  const lateIn = (frame) => times[frame] + 0.9 * ((frame < last ? times[frame + 1] : facts.length_s) - times[frame]);

  // Some browsers seek in a blob: URL only, not in a data: URL.
  const blobUrl = (url, type) => {
    const text = atob(url.slice(url.indexOf(",") + 1));
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = text.charCodeAt(i);
    return URL.createObjectURL(new Blob([bytes], { type }));
  };
  const loaded = (video) =>
    new Promise((resolve, reject) => {
      video.addEventListener("loadeddata", resolve, { once: true });
      video.addEventListener("error", reject, { once: true });
      video.controls = false;
      video.src = blobUrl(video.getAttribute("src"), "video/mp4");
    });
  const landed = (video, time) =>
    new Promise((resolve) => {
      if (Math.abs(video.currentTime - time) < 1e-4 && !video.seeking) return resolve();
      video.addEventListener("seeked", resolve, { once: true });
      video.currentTime = time;
    });
  const prepared = (video) =>
    new Promise((resolve) => {
      if (video.readyState >= HTMLMediaElement.HAVE_ENOUGH_DATA) return resolve();
      video.addEventListener("canplaythrough", resolve, { once: true });
    });
  const settle = (time) => Promise.all(players.map((video) => landed(video, time)));

  const show = (time) => {
    const frame = frameAt(time);
    const text = `${clock(time)} / ${clock(facts.length_s)}`;
    seek.value = String(frame);
    seek.setAttribute("aria-valuetext", `${clock(time)}, frame ${frame + 1} of ${times.length}`);
    get("clock").textContent = text;
    for (const line of document.querySelectorAll(".now")) {
      line.setAttribute("transform", `translate(${(time / facts.length_s) * Number(line.dataset.span)} 0)`);
    }
    for (const button of document.querySelectorAll(".moment")) {
      const isHere = frameAt(Number(button.dataset.time)) === frame;
      if ((button.getAttribute("aria-current") === "true") !== isHere) button.setAttribute("aria-current", String(isHere));
    }
  };
  const goTo = async (time) => {
    wanted = clamp(time, 0, facts.length_s);
    show(wanted);
    if (busy) return;
    busy = true;
    while (wanted !== null) {
      const target = wanted;
      wanted = null;
      await settle(target);
    }
    busy = false;
  };
  const goToFrame = (frame) => goTo(lateIn(clamp(frame, 0, last)));
  const now = () => (wanted === null ? after.currentTime : wanted);

  const setPlaying = (isPlaying) => {
    playing = isPlaying;
    player.classList.toggle("playing", isPlaying);
    get("play").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
  };
  const pause = () => {
    if (!playing) return;
    setPlaying(false);
    [...players, voice].forEach((one) => one?.pause());
    goToFrame(frameAt(after.currentTime));
  };
  const start = async (time) => {
    await goTo(time);
    // One that has to decode first would start later than the other.
    await Promise.all(players.map(prepared));
    if (!playing) return;
    if (voice) voice.currentTime = after.currentTime;
    // A sound that may not be heard is no reason to show nothing.
    voice?.play().catch(() => {});
    try {
      await Promise.all(players.map((video) => video.play()));
    } catch {
      return pause();
    }
    requestAnimationFrame(follow);
  };
  const play = () => {
    setPlaying(true);
    return start(frameAt(now()) >= last ? 0 : now());
  };
  const keepTogether = () => {
    const apart = after.currentTime - before.currentTime;
    if (Math.abs(apart) > JUMP_S && !before.seeking) before.currentTime = after.currentTime;
    before.playbackRate = Math.abs(apart) < 0.003 ? speed : speed * clamp(1 + apart * 30, 0.07, 3);
    if (voice && !voice.seeking && Math.abs(after.currentTime - voice.currentTime) > VOICE_S) {
      voice.currentTime = after.currentTime;
    }
  };
  const follow = () => {
    if (!playing) return;
    if (after.ended || before.ended || after.currentTime >= facts.length_s - 0.005) {
      if (get("loop").getAttribute("aria-pressed") !== "true") return pause();
      players.forEach((video) => video.pause());
      start(0);
      return;
    }
    if (!busy) {
      keepTogether();
      show(after.currentTime);
    }
    requestAnimationFrame(follow);
  };

  const divide = () => {
    stage.style.setProperty("--cut", `${cut.value}%`);
    cut.setAttribute("aria-valuetext", `${Math.round(Number(cut.value))} % source`);
  };
  const press = (button, act) =>
    button.addEventListener("click", () => {
      const isOn = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(isOn));
      act(isOn);
    });
  const listen = () => {
    get("play").addEventListener("click", () => (playing ? pause() : play()));
    const step = (by) => {
      const frame = frameAt(now()) + by;
      pause();
      goToFrame(frame);
    };
    get("back").addEventListener("click", () => step(-1));
    get("on").addEventListener("click", () => step(1));
    seek.addEventListener("input", () => {
      pause();
      goToFrame(Number(seek.value));
    });
    cut.addEventListener("input", divide);
    for (const radio of document.querySelectorAll("[name=view]")) {
      radio.addEventListener("change", () => (stage.dataset.view = radio.value));
    }
    get("speed").addEventListener("change", (event) => {
      speed = Number(event.target.value);
      [...players, voice].forEach((one) => one && (one.playbackRate = speed));
    });
    press(get("loop"), () => {});
    press(get("sound"), (isOn) => (voice.muted = !isOn));
    get("full").addEventListener("click", () =>
      document.fullscreenElement ? document.exitFullscreen() : player.requestFullscreen(),
    );
    for (const button of document.querySelectorAll(".moment")) {
      button.addEventListener("click", () => {
        pause();
        goToFrame(frameAt(Number(button.dataset.time)));
        player.scrollIntoView({ block: "nearest" });
      });
    }
    for (const chart of document.querySelectorAll(".chart > svg")) {
      chart.addEventListener("click", (event) => {
        const line = chart.querySelector(".now");
        const box = chart.getBoundingClientRect();
        const at = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width - Number(line.getAttribute("x1"));
        pause();
        goToFrame(frameAt((at / Number(line.dataset.span)) * facts.length_s));
      });
    }
    const keys = { " ": () => (playing ? pause() : play()), ArrowLeft: () => step(-1), ArrowRight: () => step(1), Home: () => goToFrame(0), End: () => goToFrame(last) };
    document.addEventListener("keydown", (event) => {
      const isTaken = event.target.closest("input, button, select, summary, a, .scroll");
      if (isTaken || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    after.addEventListener("pause", () => {
      if (playing && after.paused && !after.ended && !busy && after.currentTime < facts.length_s - 0.05) pause();
    });
  };
  const open = () => {
    seek.max = String(last);
    cut.value = String(facts.divider);
    stage.dataset.view = "slider";
    for (const time of facts.moments_s) {
      const mark = document.createElement("i");
      mark.style.left = `${(frameAt(time) / Math.max(1, last)) * 100}%`;
      get("marks").append(mark);
    }
    get("sound").hidden = !voice;
    if (voice) voice.src = blobUrl(voice.getAttribute("src"), "audio/mp4");
    get("full").hidden = !document.fullscreenEnabled;
    for (const id of ["cut", "bar", "options"]) get(id).hidden = false;
    document.body.classList.add("ready");
    divide();
    listen();
    return goToFrame(0).then(() => document.body.setAttribute("data-ready", ""));
  };

  Promise.all(players.map(loaded)).then(open, () => {
    players.forEach((video) => (video.controls = true));
    get("trouble").textContent = "This browser cannot play these videos (H.264 in mp4).";
    get("trouble").hidden = false;
  });
})();
