#!/bin/sh
# The custom runtime of the service's own tutorial: a shell, and curl.
set -u
api="http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime"
headers="$(mktemp)"
trap 'rm -f "$headers"' EXIT
while true; do
  event=$(curl -sS -f -L -D "$headers" "$api/invocation/next") || exit 1
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  # curl asks by itself before it sends a body of 1 MiB, which no argument can have.
  curl -sS -f -X POST -H "Expect: 100-continue" "$api/invocation/$id/response" -d "echo $event" >/dev/null || exit 1
done
