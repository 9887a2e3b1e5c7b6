#include "reconciler/compile/parts.h"

#include "config/base/check.h"

#include <stdlib.h>

struct deployment_parts *parts_free(struct deployment_parts *parts)
{
    if (parts == NULL)
        return NULL;
    json_decref(parts->parameters);
    json_decref(parts->container);
    json_decref(parts->endpoints);
    json_decref(parts->dependencies);
    json_decref(parts->overrides);
    json_decref(parts->configs);
    json_decref(parts->references);
    free(parts);
    return NULL;
}

const char *parts_endpoint_type(enum endpoint_type type)
{
    switch (type) {
    case ENDPOINT_HTTP:
        return "HTTP";
    case ENDPOINT_GRPC:
        return "gRPC";
    case ENDPOINT_GRAPHQL:
        return "GraphQL";
    case ENDPOINT_WEBSOCKET:
        return "Websocket";
    case ENDPOINT_TCP:
        return "TCP";
    case ENDPOINT_UDP:
        return "UDP";
    }
    CHECK_UNREACHABLE();
}
