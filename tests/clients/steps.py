"""What the Python checks share: named steps, and the sandbox they run against."""

import json
import os
import sys
import time
import traceback
import urllib.request

SANDBOX = json.loads(os.environ.get("SANDBOX", "{}"))


def control(path, body=None, url=None):
    """Asks the sandbox itself, beside the vendor's paths."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request((url or SANDBOX["url"]) + "/_sandbox/" + path, data)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return json.load(answer)


def until(ask, holds, seconds=20):
    """Asks again until the answer is as hoped; the last answer, whatever it is, once the time is up."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if holds(answer) or time.monotonic() > end:
            return answer
        time.sleep(0.2)


def run(*steps):
    """Runs the steps in order; each is named by its first line of documentation."""
    for step in steps:
        try:
            step()
        except Exception:
            print(f"  FAILED {step.__doc__}", flush=True)
            traceback.print_exc()
            sys.exit(1)
        print(f"  ok {step.__doc__}", flush=True)
