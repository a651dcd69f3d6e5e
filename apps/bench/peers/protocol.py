"""The process of an engine in Python: answers requests until its input ends. src/protocol.ts is the other half."""

import importlib.util
import json
import os
import resource
import signal
import sys
import time

CHECK_IMAGES = 8
QUIET_SECONDS = 0.01
QUIET_SHARE = 0.2
QUIET_TRIES = 50


class Unsupported(Exception):
    """The engine cannot do this, whatever one installs."""


def require(*modules):
    """Ends the process with a line that says what is missing."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(f"{sys.executable} has no {' and no '.join(missing)}")


def threads():
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def serve(engine):
    """
    `engine` has describe() -> {label, versions}, and prepare(case, network, inputs) -> work, which has run(), one call
    of the case, and check(images) -> (array, parts), what engines are compared by.
    """
    # Ctrl-C reaches every process of a terminal. The program ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Standard output belongs to the answers: whatever a library prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    state = Served(engine)
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"id": request["id"]}
        try:
            answer["result"] = getattr(state, request["method"])(**request["params"])
        except Exception as error:  # the program decides what an error means
            kind = "unsupported" if isinstance(error, Unsupported) else "failed"
            answer["error"] = {"kind": kind, "message": f"{type(error).__name__}: {error}"}
            if kind == "unsupported":
                answer["error"]["message"] = str(error)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class Served:
    def __init__(self, engine):
        self.engine = engine
        self.work = None
        self.images = 0

    def describe(self):
        return self.engine.describe()

    def prepare(self, case, network, inputs):
        self.work = None
        self.images = min(case["chains"], CHECK_IMAGES)
        self.work = self.engine.prepare(case, network, read_safetensors(inputs))
        return {}

    def check(self, output):
        start = time.perf_counter()
        values, parts = self.work.check(self.images)
        seconds = time.perf_counter() - start
        values.astype("<f4").tofile(output)
        return {"images": self.images, "parts": parts, "seconds": seconds}

    def run(self, calls):
        busy = time.process_time()
        start = time.perf_counter()
        for _ in range(calls):
            self.work.run()
        seconds = time.perf_counter() - start
        busy = time.process_time() - busy
        become_quiet()
        # Linux counts in KiB, macOS in bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        return {"seconds": seconds, "cpuSeconds": busy, "peakBytes": peak}

    def release(self):
        self.work = None
        return {}


def become_quiet():
    """Threads that spin after the engine's turn would disturb the next one: it ends its turn when they sleep."""
    for _ in range(QUIET_TRIES):
        busy, start = time.process_time(), time.perf_counter()
        time.sleep(QUIET_SECONDS)
        if time.process_time() - busy < QUIET_SHARE * (time.perf_counter() - start):
            return


def read_safetensors(path):
    """Float32 arrays by name."""
    import numpy as np

    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(data[start:end], "<f4").reshape(entry["shape"])
    return arrays


def repeated(array, count):
    """The first axis repeated to `count`."""
    import numpy as np

    return np.concatenate([array] * -(-count // len(array)))[:count].copy()
