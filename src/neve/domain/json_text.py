BODY_PREFIX = "Could not parse request body into json: "


def explain(body: bytes) -> str | None:
    return "x"
