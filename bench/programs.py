"""The functions that everybody runs, in Node.js and Python, and the event that each gets."""

import io
import json
import zipfile
from dataclasses import dataclass
from functools import cached_property

NODE, PYTHON = "node", "python"
LANGUAGES = (NODE, PYTHON)

_NODE = {
    "no-op": "export const handler = async () => null;\n",
    "echo": "export const handler = async (event) => event;\n",
    "30 awaits": """const step = async (n) => n;
export const handler = async () => {
  let sum = 0;
  for (let i = 0; i < 30; i++) sum += await step(i);
  return sum;
};
""",
    "log lines": """export const handler = async ({ lines }) => {
  for (let i = 0; i < lines; i++) console.log(`line ${i} of what a function tells about its work`);
  return lines;
};
""",
    "compute": """export const handler = async ({ ms }) => {
  const began = process.threadCpuUsage(); // not the process's: peers with threads would finish each other's work
  while (true) {
    const { user, system } = process.threadCpuUsage(began);
    if (user + system >= ms * 1000) return ms;
  }
};
""",
    "sleep": "export const handler = async ({ ms }) => new Promise((done) => setTimeout(() => done(ms), ms));\n",
}
_PYTHON = {
    "no-op": "def handler(event, context):\n    return None\n",
    "echo": "def handler(event, context):\n    return event\n",
    "30 awaits": """import asyncio

async def step(n):
    return n

async def work():
    return sum([await step(n) for n in range(30)])

loop = asyncio.new_event_loop()

def handler(event, context):
    return loop.run_until_complete(work())
""",
    "log lines": """def handler(event, context):
    for number in range(event["lines"]):
        print(f"line {number} of what a function tells about its work")
    return event["lines"]
""",
    "compute": """import time

def handler(event, context):
    end = time.thread_time() + event["ms"] / 1000
    while time.thread_time() < end:
        pass
    return event["ms"]
""",
    "sleep": """import time

def handler(event, context):
    time.sleep(event["ms"] / 1000)
    return event["ms"]
""",
}


@dataclass(frozen=True)
class Program:
    """One function: `name` is unique among those that a peer runs at once."""

    name: str
    language: str
    text: str
    event: bytes
    memory_mb: int = 1769  # one whole processor on Lambda: less has a share of it, and would be measured waiting

    @property
    def file(self) -> str:
        """Where the text is."""
        return "index.mjs" if self.language == NODE else "index.py"

    @cached_property
    def archive(self) -> bytes:
        """A zip of it."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as files:
            files.writestr(self.file, self.text)
        return buffer.getvalue()


def program(kind: str, language: str, event: object = None, name: str | None = None) -> Program:
    """One of the above with an event."""
    text = (_NODE if language == NODE else _PYTHON)[kind]
    name = name or f"{kind.replace(' ', '-')}-{language}"
    return Program(name, language, text, json.dumps({} if event is None else event).encode())


def text_of(size: int) -> dict[str, str]:
    """An event of so many bytes."""
    return {"text": "x" * (size - len('{"text": ""}'))}


def workloads(language: str) -> dict[str, Program]:
    """What is called warm, by its name in the report."""
    return {
        "no-op": program("no-op", language),
        "echo 1 KB": program("echo", language, text_of(1024), f"echo-1k-{language}"),
        "echo 1 MB": program("echo", language, text_of(2**20), f"echo-1m-{language}"),
        "30 awaits": program("30 awaits", language),
        "20 log lines": program("log lines", language, {"lines": 20}),
        "compute 5 ms": program("compute", language, {"ms": 5}),
        "sleep 10 ms": program("sleep", language, {"ms": 10}),
    }
