"""The HTTP doors inside an execution environment: Runtime, Extensions, Telemetry and Logs API. Start at `server.py`."""
