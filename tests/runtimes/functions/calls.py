"""Calls others over HTTP, in many ways. The process is kept: so is what is left here."""

import contextlib
import http.client
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

left = []
kept = []


def by_urllib(url):
    with urllib.request.urlopen(url) as answer:  # line of: urllib
        answer.read()


def by_client(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        connection.request("GET", url[len("http://") + len(urlsplit(url).netloc) :])  # line of: client
        connection.getresponse().read()
    finally:
        connection.close()


def unread(url):
    kept.append(urllib.request.urlopen(url))  # line of: unread


def signed(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    key = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/dynamodb/aws4_request, Signature=0"
    connection.request("POST", "/", b"{}", {"Authorization": key, "X-Amz-Target": "DynamoDB_20120810.PutItem"})
    connection.getresponse().read()


def short(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=0.05)
    try:
        connection.request("GET", "/held")
        connection.getresponse()
    except OSError:
        connection.close()


def stays(url):
    kept.append(http.client.HTTPConnection(urlsplit(url).netloc))
    kept[-1].request("GET", "/")


def by_proxy(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request("GET", "http://orders.example:81/items?key=secret")
    connection.getresponse().read()


def in_two_steps(url, sent):
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request("GET", "/held")
    sent.set()
    connection.getresponse().read()


def leave(url):
    sent = threading.Event()
    left.append(threading.Thread(target=in_two_steps, args=(url, sent)))
    left[-1].start()
    sent.wait(5)


def wait(_):
    left.pop().join()


def unread_then_held(url):
    unread(f"{url}/items")
    by_urllib(f"{url}/held")


def pool(url):
    with ThreadPoolExecutor(4) as some:
        list(some.map(by_urllib, [url] * 4))


def many(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    for _ in range(210):
        connection.request("GET", "/")
        connection.getresponse().read()


WAYS = {"urllib": by_urllib, "client": by_client, "unread": unread, "signed": signed, "short": short}
WAYS.update(
    {
        "kept": stays,
        "proxy": by_proxy,
        "leave": leave,
        "wait": wait,
        "pool": pool,
        "two": unread_then_held,
        "many": many,
    }
)


def handler(event, context):
    with contextlib.suppress(OSError, http.client.HTTPException):
        WAYS.get(event["how"], len)(event["url"])
    return "ok"
