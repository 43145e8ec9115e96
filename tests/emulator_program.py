"""The second emulator itself, in an environment of its own: it knows nothing of this project but what its starter says.

Its functions run in the starter's sandbox instead of its own workers, so that zips, limits and error names are those of
Lambda; each call that says who makes it is noted. It ends with its starter, or when its time is up.
"""

import base64
import hashlib
import json
import os
import signal
import sys
import threading
import urllib.request
from pathlib import Path

import ministack.app
from ministack.services import apigateway_v1, athena, lambda_svc

import emulator_athena
import emulator_lake
import emulator_rest
import emulator_stream

FOLDER = Path(os.environ["EMULATOR_FOLDER"])
SANDBOX = os.environ["EMULATOR_SANDBOX"]
LARGEST = 100_000  # bytes of a body that are noted; those of objects are larger and say nothing
NOTED = {b"user-agent": "HTTP_USER_AGENT", b"authorization": "HTTP_AUTHORIZATION", b"x-amz-target": "HTTP_X_AMZ_TARGET"}
notes = threading.Lock()


def run_in_sandbox(func, event, url, _request_id):
    """Stand in for ministack's own way of forwarding, which forgets an error's name and what was printed."""
    config = func.get("config") or func
    asked = {
        "name": config["FunctionName"],
        "handler": config["Handler"],
        "code": keep(func.get("code_zip") or b""),
        "layers": [keep(lambda_svc._resolve_layer_zip(layer) or b"") for layer in config.get("Layers") or []],
        "environment": (config.get("Environment") or {}).get("Variables") or {},
        "memory_mb": config.get("MemorySize", 128),
        "timeout": config.get("Timeout", 3),
        "event": event,
    }
    request = urllib.request.Request(url, json.dumps(asked).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=asked["timeout"] + 120) as reply:
        answer = json.loads(reply.read())
    failed = answer["error"] is not None
    return {"body": answer["error"] if failed else answer["payload"], "error": failed, "log": "\n".join(answer["log"])}


def keep(package):
    """Write a zip where the sandbox finds it, and return its path."""
    path = FOLDER / f"{hashlib.sha256(package).hexdigest()}.zip"
    if not path.exists():
        partial = path.with_suffix(f".{threading.get_ident()}")
        partial.write_bytes(package)
        partial.rename(path)
    return str(path)


def overheard(application):
    """Return an application that answers as before, and notes who asked for what."""

    async def answer(scope, receive, send):
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        body, status = bytearray(), []

        async def hear():
            message = await receive()
            if len(body) < LARGEST:
                body.extend(message.get("body", b""))
            return message

        async def tell(message):
            if message["type"] == "http.response.start":
                status.append(message["status"])
            await send(message)

        await application(scope, hear, tell)
        note(scope, bytes(body[:LARGEST]), status[0] if status else 0)

    return answer


def note(scope, body, status):
    """Write a call down, if it says who makes it."""
    headers = {NOTED[name]: value.decode("latin-1") for name, value in scope["headers"] if name in NOTED}
    if "app/" not in headers.get("HTTP_USER_AGENT", ""):
        return
    query = scope["query_string"].decode()
    request = {
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": scope["path"],
        "QUERY_STRING": query,
        "RAW_URI": scope["raw_path"].decode() + (f"?{query}" if query else ""),
        **headers,
    }
    line = json.dumps({"request": request, "body": base64.b64encode(body).decode(), "status": status})
    with notes, (FOLDER / "calls.jsonl").open("a") as file:
        file.write(f"{line}\n")


def end_with_the_starter():
    """Wait for the pipe from the starter to close, however the starter ends."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    signal.alarm(int(os.environ["EMULATOR_SECONDS"]))
    threading.Thread(target=end_with_the_starter, daemon=True).start()
    lambda_svc._proxy_url_for = lambda _config: SANDBOX
    lambda_svc._execute_function_proxy = run_in_sandbox
    lambda_svc._execute_function = emulator_stream.of_streams(
        lambda_svc._execute_function, lambda: list(lambda_svc._esms.values())
    )
    athena._start_query_execution = emulator_lake.binding(athena._start_query_execution)
    athena._run_duckdb = emulator_lake.of_lakes(emulator_athena.of_its_dialect(athena._run_duckdb))
    apigateway_v1.handle_request = emulator_rest.importing(apigateway_v1.handle_request)
    ministack.app.app = overheard(ministack.app.app)
    ministack.app.main()
