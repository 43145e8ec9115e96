"""A REST API made of an OpenAPI document, as PutRestApi makes it, which the second emulator does not know.

And a key whose value AWS makes up when it is empty, as the provider sends it.
"""

import json

from ministack.services import apigateway_v1 as rest


def importing(handle):
    """Return a way to answer API Gateway's own API that knows PutRestApi too."""

    async def answer(method, path, headers, body, query_params):
        parts = [part for part in path.strip("/").split("/") if part]
        if method == "PUT" and len(parts) == 2 and parts[0] == "restapis":
            return put(parts[1], json.loads(body))
        if method == "POST" and parts == ["apikeys"]:
            asked = {name: value for name, value in json.loads(body).items() if value != ""}
            body = json.dumps(asked).encode()
        return await handle(method, path, headers, body, query_params)

    return answer


def put(api, document):
    """Make an API what its document says."""
    rest._resources[api] = {key: each for key, each in rest._resources[api].items() if each["path"] == "/"}
    schemes = rest._import_security_schemes(api, document)
    for path, item in document["paths"].items():
        operations = {verb: {**each, "parameters": []} for verb, each in item.items()}
        rest._import_path_item(api, path, operations, schemes, document.get("security"))
    return rest._get_rest_api(api)
