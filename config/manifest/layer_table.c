/* The schema tables of what may stand on a cell, a component, an environment and a target. */
#include "config/base/arena.h"
#include "config/manifest/configuration_read.h"
#include "config/manifest/decode.h"
#include "config/manifest/shapes.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ENV_LIMIT 500
#define CONNECTION_LIMIT 50 /* as many dependencies may a Workload have */

const struct word protocol_words[] = {
    {"http", ENDPOINT_HTTP},
    {"https", ENDPOINT_HTTP},
    {"grpc", ENDPOINT_GRPC},
    {"graphql", ENDPOINT_GRAPHQL},
    {"websocket", ENDPOINT_WEBSOCKET},
    {"ws", ENDPOINT_WEBSOCKET},
    {"tcp", ENDPOINT_TCP},
    {"udp", ENDPOINT_UDP},
    {"HTTP", ENDPOINT_HTTP},
    {"HTTPS", ENDPOINT_HTTP},
    {"gRPC", ENDPOINT_GRPC},
    {"GraphQL", ENDPOINT_GRAPHQL},
    {"Websocket", ENDPOINT_WEBSOCKET},
    {"TCP", ENDPOINT_TCP},
    {"UDP", ENDPOINT_UDP},
    {NULL, 0},
};

/* --- env -------------------------------------------------------------------------------------- */

/* A connection's address is the whole value, or none of it. */
static const char env_value_schema[] =
    "{\"type\": [\"string\", \"number\", \"boolean\"], \"pattern\": "
    "\"^(?![\\\\s\\\\S]*[$][{]CHOREO_CONNECTION_)|^[$][{]CHOREO_CONNECTION_[^}]+[}]$\"}";

#define AT(member) offsetof(struct env_variable, member)
static const struct field env_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_VARIABLE,
     .required = true,
     .doc = "the variable"},
    {.name = "value",
     .kind = FIELD_TEXT,
     .offset = AT(value),
     .required = true,
     .read = configuration_read_value,
     .json_schema = env_value_schema,
     .type_doc = "text",
     .doc = "its text; \"${CHOREO_CONNECTION_x}\" as a whole is the address of connection x"},
};

static const struct shape env_shape = {
    .name = "env",
    .doc = "An environment variable",
    .size = sizeof(struct env_variable),
    .fields = env_fields,
    .field_count = SHAPE_COUNT(env_fields),
    .at = AT(at),
    .finish = configuration_finish_env,
};
#undef AT

/* --- connections ------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct connection, member)
/* "NAME" or "NAME:key". */
static void read_secret(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct connection *connection = object;
    struct manifest_text text;
    (void)key;
    if (!decode_text(decoder, &(const struct field){.name = field->name}, value, &text))
        return;
    const char *colon = strchr(text.text, ':');
    const size_t length = colon == NULL ? strlen(text.text) : (size_t)(colon - text.text);
    const char *problem = form_problem(FORM_SECRET, text.text, strlen(text.text));
    char *name = arena_copy(decoder->arena, text.text, length);
    if (name == NULL) {
        decoder->status = -ENOMEM;
        return;
    }
    if (colon != NULL) {
        problem = form_problem(FORM_SECRET, name, length);
        if (problem == NULL)
            problem = form_problem(FORM_SECRET, colon + 1, strlen(colon + 1));
        connection->external_secret_key = (struct manifest_text){colon + 1, text.at};
    }
    if (problem != NULL)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_FORM", text.at,
                      "write the name of a secret, or NAME:key", "\"%s\" %s", field->name, problem);
    else
        connection->external_secret = (struct manifest_text){name, text.at};
}

static const struct field external_fields[] = {
    {.name = "url",
     .kind = FIELD_TEXT,
     .offset = AT(external_url),
     .form = FORM_URL,
     .required = true,
     .doc = "address outside the platform"},
    {.name = "secret",
     .kind = FIELD_TEXT,
     .offset = AT(external_secret),
     .read = read_secret,
     .json_schema = "{\"type\": [\"string\", \"number\", \"boolean\"], \"pattern\": "
                    "\"^[A-Za-z0-9._-]+(:[A-Za-z0-9._-]+)?$\"}",
     .type_doc = "name of a secret, or NAME:key",
     .doc = "secret that goes with it, as variable <CONNECTION>_SECRET"},
};
static const struct shape external_shape = {
    .name = "external",
    .doc = "Something outside the platform",
    .size = sizeof(struct connection),
    .fields = external_fields,
    .field_count = SHAPE_COUNT(external_fields),
};

static const struct field connection_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "x of ${CHOREO_CONNECTION_x}"},
    {.name = "target",
     .kind = FIELD_TEXT,
     .offset = AT(target),
     .form = FORM_LABEL,
     .doc = "project that is called: prefix and cell"},
    {.name = "protocol",
     .kind = FIELD_TEXT,
     .offset = AT(protocol),
     .words = protocol_words,
     .doc = "type of the endpoint"},
    {.name = "path",
     .kind = FIELD_TEXT,
     .offset = AT(path),
     .form = FORM_URL_PATH,
     .doc = "base path of the endpoint"},
    {.name = "port",
     .kind = FIELD_NUMBER,
     .offset = AT(port),
     .min = 1,
     .max = 65535,
     .doc = "port of the endpoint"},
    {.name = "component",
     .kind = FIELD_TEXT,
     .offset = AT(component),
     .form = FORM_LABEL,
     .doc = "narrows to one component of the target"},
    {.name = "endpoint",
     .kind = FIELD_TEXT,
     .offset = AT(endpoint),
     .form = FORM_LABEL,
     .doc = "narrows to one endpoint by name"},
    {.name = "external",
     .kind = FIELD_MAPPING,
     .shape = &external_shape,
     .doc = "something outside the platform, instead of target"},
};

static void finish_connection(struct decoder *decoder, void *object,
                              const struct yaml_node *mapping, uint64_t seen)
{
    const struct connection *connection = object;
    (void)mapping;
    const bool external = shape_saw(&connection_shape, seen, "external");
    if (external == shape_saw(&connection_shape, seen, "target"))
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_CONNECTION", connection->at,
                      "write target: <project>, or external: {url: ...}",
                      external ? "a connection leads to a target or to something external, not both"
                               : "a connection that leads nowhere");
    if (external && (connection->port.set || connection->path.text != NULL ||
                     connection->component.text != NULL || connection->endpoint.text != NULL))
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_CONNECTION", connection->at,
                      "put port and path into the URL",
                      "an external connection has a URL and nothing that narrows a target");
}

const struct shape connection_shape = {
    .name = "connection",
    .doc = "What a component calls: an endpoint of a cell, or something outside",
    .size = sizeof(struct connection),
    .fields = connection_fields,
    .field_count = SHAPE_COUNT(connection_fields),
    .at = AT(at),
    .json_rules = "{\"oneOf\": [{\"required\": [\"target\"]}, {\"required\": [\"external\"]}]}",
    .finish = finish_connection,
};
#undef AT

/* --- resources, scaling ----------------------------------------------------------------------- */

#define AT(member) offsetof(struct resource_amounts, member)
static const struct field request_fields[] = {
    {.name = "cpu",
     .kind = FIELD_TEXT,
     .offset = AT(cpu),
     .form = FORM_CPU,
     .fallback = "50m",
     .doc = "processors: 100m is a tenth of one"},
    {.name = "memory",
     .kind = FIELD_TEXT,
     .offset = AT(memory),
     .form = FORM_MEMORY,
     .fallback = "64Mi",
     .doc = "bytes: 128Mi"},
};
const struct shape requests_shape = {
    .name = "requests",
    .doc = "What is kept free for each replica; the defaults give way to a lower limit",
    .size = sizeof(struct resource_amounts),
    .fields = request_fields,
    .field_count = SHAPE_COUNT(request_fields),
};
static const struct field limit_fields[] = {
    {.name = "cpu",
     .kind = FIELD_TEXT,
     .offset = AT(cpu),
     .form = FORM_CPU,
     .fallback = "500m",
     .doc = "processors: 100m is a tenth of one"},
    {.name = "memory",
     .kind = FIELD_TEXT,
     .offset = AT(memory),
     .form = FORM_MEMORY,
     .fallback = "256Mi",
     .doc = "bytes: 128Mi"},
};
const struct shape limits_shape = {
    .name = "limits",
    .doc = "What a replica may use at most; the defaults give way to a higher request",
    .size = sizeof(struct resource_amounts),
    .fields = limit_fields,
    .field_count = SHAPE_COUNT(limit_fields),
};
#undef AT

#define AT(member) offsetof(struct resources, member)
static const struct field resource_fields[] = {
    {.name = "requests",
     .kind = FIELD_MAPPING,
     .offset = AT(requests),
     .shape = &requests_shape,
     .doc = "what is kept free for each replica"},
    {.name = "limits",
     .kind = FIELD_MAPPING,
     .offset = AT(limits),
     .shape = &limits_shape,
     .doc = "what a replica may use at most"},
};

static void check_amount(struct decoder *decoder, const char *what,
                         const struct manifest_text *request, const struct manifest_text *limit)
{
    int64_t wanted = 0, most = 0;
    if (request->text == NULL || limit->text == NULL || !form_quantity(request->text, &wanted) ||
        !form_quantity(limit->text, &most) || wanted <= most)
        return;
    decode_conflict(decoder, "E_RESOURCES", request->at, limit->at, "the limit",
                    "the request of %s (%s) is above its limit (%s)", what, request->text,
                    limit->text);
}

static void finish_resources(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                             uint64_t seen)
{
    const struct resources *resources = object;
    (void)mapping;
    (void)seen;
    check_amount(decoder, "cpu", &resources->requests.cpu, &resources->limits.cpu);
    check_amount(decoder, "memory", &resources->requests.memory, &resources->limits.memory);
}

static const struct shape resources_shape = {
    .name = "resources",
    .doc = "Processors and memory of each replica; a change replaces the pods",
    .size = sizeof(struct resources),
    .fields = resource_fields,
    .field_count = SHAPE_COUNT(resource_fields),
    .at = AT(at),
    .set = AT(set),
    .finish = finish_resources,
};
#undef AT

#define AT(member) offsetof(struct scaling, member)
static const struct field scaling_fields[] = {
    {.name = "min",
     .kind = FIELD_NUMBER,
     .offset = AT(min),
     .min = 1,
     .max = 1000,
     .fallback = "1",
     .is_default = true,
     .doc = "fewest replicas"},
    {.name = "max",
     .kind = FIELD_NUMBER,
     .offset = AT(max),
     .min = 1,
     .max = 1000,
     .doc = "most replicas"},
    {.name = "cpu",
     .kind = FIELD_NUMBER,
     .offset = AT(cpu),
     .min = 1,
     .max = 100,
     .doc = "percent of the requested processors to aim at; 80 when memory is not given either"},
    {.name = "memory",
     .kind = FIELD_NUMBER,
     .offset = AT(memory),
     .min = 1,
     .max = 100,
     .doc = "percent of the requested memory to aim at"},
};

static void finish_scaling(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                           uint64_t seen)
{
    const struct scaling *scaling = object;
    (void)mapping;
    (void)seen;
    if (scaling->min.set && scaling->max.set && scaling->min.value > scaling->max.value)
        decode_conflict(decoder, "E_SCALING", scaling->min.at, scaling->max.at, "the most replicas",
                        "min (%lld) is above max (%lld)", (long long)scaling->min.value,
                        (long long)scaling->max.value);
}

static const struct shape scaling_shape = {
    .name = "scaling",
    .doc = "Replicas by load, without a rollout",
    .size = sizeof(struct scaling),
    .fields = scaling_fields,
    .field_count = SHAPE_COUNT(scaling_fields),
    .at = AT(at),
    .set = AT(set),
    .finish = finish_scaling,
};
#undef AT

/* --- the layer -------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct layer, member)
static const struct field layer_fields[] = {
    {.name = "connections",
     .kind = FIELD_LIST,
     .offset = AT(connections),
     .extra = AT(connection_count),
     .shape = &connection_shape,
     .unique = true,
     .min = 0,
     .max = CONNECTION_LIMIT,
     .doc = "what is called"},
    {.name = "env",
     .kind = FIELD_LIST,
     .offset = AT(env),
     .extra = AT(env_count),
     .shape = &env_shape,
     .unique = true,
     .min = 0,
     .max = ENV_LIMIT,
     .doc = "environment variables"},
    {.name = "configurations",
     .kind = FIELD_LIST,
     .offset = AT(configurations),
     .extra = AT(configuration_count),
     .shape = &configuration_shape,
     .unique = true,
     .min = 0,
     .max = 100,
     .doc = "config maps and secrets, as variables or files"},
    {.name = "resources",
     .kind = FIELD_APART,
     .offset = AT(resources),
     .shape = &resources_shape,
     .doc = "processors and memory of each replica"},
    {.name = "scaling",
     .kind = FIELD_APART,
     .offset = AT(scaling),
     .shape = &scaling_shape,
     .doc = "replicas by load"},
    {.name = "replicas",
     .kind = FIELD_NUMBER,
     .offset = AT(replicas),
     .min = 0,
     .max = 1000,
     .fallback = "1",
     .is_default = true,
     .doc = "a fixed number of replicas; scaling wins over it"},
    {.name = "readiness",
     .kind = FIELD_APART,
     .offset = AT(readiness),
     .shape = &readiness_shape,
     .doc = "when a replica may get traffic"},
    {.name = "rollout",
     .kind = FIELD_APART,
     .offset = AT(rollout),
     .shape = &rollout_shape,
     .doc = "how a new release takes over"},
};
const struct shape layer_shape = {
    .name = "layer",
    .doc = "What may stand on a cell, a component, an environment and a target; the nearer wins",
    .size = sizeof(struct layer),
    .fields = layer_fields,
    .field_count = SHAPE_COUNT(layer_fields),
    .at = AT(at),
};

static const struct field run_fields[] = {
    {.name = "image",
     .kind = FIELD_TEXT,
     .offset = AT(image),
     .form = FORM_IMAGE,
     .doc = "what runs, by digest or tag; an environment may pin another one"},
    {.name = "schedule",
     .kind = FIELD_TEXT,
     .offset = AT(schedule),
     .form = FORM_CRON,
     .doc = "scheduled-task: when it runs, as minute hour day month weekday"},
    {.name = "timeZone",
     .kind = FIELD_TEXT,
     .offset = AT(time_zone),
     .form = FORM_ZONE,
     .fallback = "Etc/UTC",
     .is_default = true,
     .doc = "scheduled-task: of the schedule"},
};
const struct shape run_shape = {
    .name = "run",
    .doc = "What is one component's alone",
    .size = sizeof(struct layer),
    .fields = run_fields,
    .field_count = SHAPE_COUNT(run_fields),
};
#undef AT
