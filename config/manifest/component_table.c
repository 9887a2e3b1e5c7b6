/* The schema tables of a component and its endpoints. */
#include "config/base/arena.h"
#include "config/manifest/decode.h"
#include "config/manifest/decode_list.h"
#include "config/manifest/shapes.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const struct word endpoint_type_words[] = {
    {"http", ENDPOINT_HTTP},
    {"grpc", ENDPOINT_GRPC},
    {"graphql", ENDPOINT_GRAPHQL},
    {"websocket", ENDPOINT_WEBSOCKET},
    {"tcp", ENDPOINT_TCP},
    {"udp", ENDPOINT_UDP},
    {"HTTP", ENDPOINT_HTTP},
    {"gRPC", ENDPOINT_GRPC},
    {"GraphQL", ENDPOINT_GRAPHQL},
    {"Websocket", ENDPOINT_WEBSOCKET},
    {"TCP", ENDPOINT_TCP},
    {"UDP", ENDPOINT_UDP},
    {NULL, 0},
};
static const struct word visibility_words[] = {
    {"project", VISIBILITY_PROJECT},
    {"namespace", VISIBILITY_NAMESPACE},
    {"internal", VISIBILITY_INTERNAL},
    {"external", VISIBILITY_EXTERNAL},
    {NULL, 0},
};

/* --- endpoints -------------------------------------------------------------------------------- */

static void read_endpoint_port(struct decoder *decoder, const struct field *field,
                               const struct yaml_node *key, const struct yaml_node *value,
                               void *object)
{
    struct endpoint *endpoint = object;
    struct manifest_number port = {0};
    (void)key;
    endpoint->port_at = decode_place(decoder, value);
    if (decode_number(decoder, field, value, &port))
        endpoint->port = (uint16_t)port.value;
}

/* Only compared with the port, by finish_endpoint(). */
static void read_target_port(struct decoder *decoder, const struct field *field,
                             const struct yaml_node *key, const struct yaml_node *value,
                             void *object)
{
    struct manifest_number port = {0};
    (void)key;
    (void)object;
    (void)decode_number(decoder, field, value, &port);
}

static void read_visibility(struct decoder *decoder, const struct field *field,
                            const struct yaml_node *key, const struct yaml_node *value,
                            void *object)
{
    struct endpoint *endpoint = object;
    (void)key;
    if (value->kind != YAML_KIND_SEQUENCE) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_TYPE", decode_place(decoder, value),
                      "write [namespace]", "\"visibility\" must be a list of words");
        return;
    }
    endpoint->visibility_set = true;
    endpoint->visibility_at = decode_place(decoder, value);
    for (const struct yaml_node *entry = value->first; entry != NULL; entry = entry->next) {
        int word = 0;
        if (decode_word(decoder, field->name, field->words, entry, &word))
            endpoint->visibility |= (unsigned)word;
    }
}

static const char visibility_schema[] =
    "{\"type\": \"array\", \"items\": {\"enum\": [\"project\", \"namespace\", \"internal\", "
    "\"external\"]}}";

#define AT(member) offsetof(struct endpoint, member)
static const struct field endpoint_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "name; <component>-<name> is the path at the gateway"},
    {.name = "type",
     .kind = FIELD_WORD,
     .offset = AT(type),
     .words = endpoint_type_words,
     .required = true,
     .doc = "what it speaks"},
    {.name = "port",
     .kind = FIELD_NUMBER,
     .min = 1,
     .max = 65535,
     .read = read_endpoint_port,
     .required = true,
     .doc = "port of the service and of the container"},
    {.name = "targetPort",
     .kind = FIELD_NUMBER,
     .min = 1,
     .max = 65535,
     .read = read_target_port,
     .doc = "must be the port, if it is written: network policies open only that one"},
    {.name = "basePath",
     .kind = FIELD_TEXT,
     .offset = AT(base_path),
     .form = FORM_URL_PATH,
     .doc = "path below which it answers"},
    {.name = "visibility",
     .kind = FIELD_OTHER,
     .words = visibility_words,
     .read = read_visibility,
     .json_schema = visibility_schema,
     .type_doc = "list of words",
     .fallback = "[project]",
     .doc = "who may call it: project (always), namespace (other cells), internal and external "
            "(gateways)"},
    {.name = "displayName",
     .kind = FIELD_TEXT,
     .offset = AT(display_name),
     .form = FORM_SOME,
     .doc = "name for people"},
    {.name = "schema",
     .kind = FIELD_TEXT,
     .offset = AT(schema),
     .form = FORM_SOME,
     .doc = "text of the interface definition"},
};

static void finish_endpoint(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                            uint64_t seen)
{
    struct endpoint *endpoint = object;
    (void)seen;
    endpoint->visibility |= VISIBILITY_PROJECT;
    const struct yaml_node *target = yaml_find(mapping, "targetPort");
    const struct yaml_node *port = yaml_find(mapping, "port");
    const struct yaml_node *type = yaml_find(mapping, "type");
    endpoint->type_at = type == NULL ? endpoint->at : decode_place(decoder, type);
    if (target != NULL && port != NULL && target->kind == YAML_KIND_SCALAR &&
        port->kind == YAML_KIND_SCALAR && strcmp(target->text, port->text) != 0)
        decode_conflict(decoder, "E_TARGET_PORT", decode_place(decoder, target),
                        decode_place(decoder, port), "the port",
                        "targetPort %.20s is not the port %.20s: network policies open only the "
                        "port, so nobody could call it; let the container listen on %.20s",
                        target->text, port->text, port->text);
}

const struct shape endpoint_shape = {
    .name = "endpoint",
    .doc = "Where a component can be called",
    .size = sizeof(struct endpoint),
    .fields = endpoint_fields,
    .field_count = SHAPE_COUNT(endpoint_fields),
    .at = AT(at),
    .finish = finish_endpoint,
};
#undef AT

/* --- type ------------------------------------------------------------------------------------- */

static const struct word type_words[] = {
    {"service", COMPONENT_SERVICE},
    {"web-application", COMPONENT_WEB_APPLICATION},
    {"worker", COMPONENT_WORKER},
    {"scheduled-task", COMPONENT_SCHEDULED_TASK},
    {NULL, 0},
};
static const struct word type_kind_words[] = {
    {"ComponentType", 0}, {"ClusterComponentType", 1}, {NULL, 0}};

#define AT(member) offsetof(struct component, member)
static const struct field type_fields[] = {
    {.name = "kind",
     .kind = FIELD_TEXT,
     .offset = AT(type_kind),
     .words = type_kind_words,
     .required = true,
     .doc = "kind of the component type"},
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(type_name),
     .form = FORM_TYPE_NAME,
     .required = true,
     .doc = "workload type and name: deployment/service"},
};
static const struct shape type_shape = {
    .name = "type",
    .doc = "A component type of the platform's own",
    .size = sizeof(struct component),
    .fields = type_fields,
    .field_count = SHAPE_COUNT(type_fields),
};

static void read_type(struct decoder *decoder, const struct field *field,
                      const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct component *component = object;
    (void)key;
    if (value->kind == YAML_KIND_MAPPING) {
        component->type = COMPONENT_OTHER;
        decode_mapping(decoder, &type_shape, value, component);
        return;
    }
    int word = COMPONENT_SERVICE;
    if (decode_word(decoder, field->name, field->words, value, &word))
        component->type = (enum component_type)word;
}

/* --- build ------------------------------------------------------------------------------------ */

static const struct word workflow_kind_words[] = {
    {"Workflow", 0}, {"ClusterWorkflow", 1}, {NULL, 0}};

#define WORKFLOW_AT(member) offsetof(struct workflow_reference, member)
static const struct field workflow_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = WORKFLOW_AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "name of the workflow"},
    {.name = "kind",
     .kind = FIELD_TEXT,
     .offset = WORKFLOW_AT(kind),
     .words = workflow_kind_words,
     .fallback = "ClusterWorkflow",
     .is_default = true,
     .doc = "kind of the workflow"},
    {.name = "parameters",
     .kind = FIELD_JSON,
     .offset = WORKFLOW_AT(parameters),
     .doc = "parameters, checked against the workflow's schema before a run"},
};
const struct shape workflow_shape = {
    .name = "workflow",
    .doc = "A workflow of OpenChoreo",
    .size = sizeof(struct workflow_reference),
    .fields = workflow_fields,
    .fill = true,
    .field_count = SHAPE_COUNT(workflow_fields),
    .at = WORKFLOW_AT(at),
    .shorthand = 1,
};

#define BUILD_AT(member) offsetof(struct build, member)
static const struct field build_fields[] = {
    {.name = "workflow",
     .kind = FIELD_MAPPING,
     .offset = BUILD_AT(workflow),
     .shape = &workflow_shape,
     .required = true,
     .doc = "builds the image"},
    {.name = "context",
     .kind = FIELD_TEXT,
     .offset = BUILD_AT(context),
     .form = FORM_PATH,
     .doc = "directory that is built; default: the component's source"},
};
static const struct shape build_shape = {
    .name = "build",
    .doc = "How the image is built when the source changed",
    .size = sizeof(struct build),
    .fields = build_fields,
    .field_count = SHAPE_COUNT(build_fields),
    .at = BUILD_AT(at),
    .set = BUILD_AT(set),
};

/* --- command and arguments -------------------------------------------------------------------- */

static void read_words(struct decoder *decoder, const struct field *field,
                       const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct manifest_texts texts = {0};
    (void)key;
    decode_texts(decoder, field, value, &texts);
    memcpy((char *)object + field->offset, &texts.items, sizeof(void *));
    memcpy((char *)object + field->extra, &texts.count, sizeof(texts.count));
}

/* --- component -------------------------------------------------------------------------------- */

static const char type_schema[] =
    "{\"oneOf\": [{\"enum\": [\"service\", \"web-application\", \"worker\", \"scheduled-task\"]}, "
    "{\"$ref\": \"#/$defs/type\"}]}";

static const struct field component_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "name; unique in the whole namespace"},
    {.name = "displayName",
     .kind = FIELD_TEXT,
     .offset = AT(display_name),
     .form = FORM_SOME,
     .doc = "name for people"},
    {.name = "description",
     .kind = FIELD_TEXT,
     .offset = AT(description),
     .form = FORM_SOME,
     .doc = "what it is for"},
    {.name = "type",
     .kind = FIELD_OTHER,
     .words = type_words,
     .read = read_type,
     .shape = &type_shape,
     .json_schema = type_schema,
     .type_doc = "word, or a mapping (type)",
     .fallback = "service",
     .doc = "service, web-application, worker, scheduled-task, or a type of the platform's own"},
    {.name = "parameters",
     .kind = FIELD_JSON,
     .offset = AT(parameters),
     .doc = "parameters of a component type of the platform's own"},
    {.name = "source",
     .kind = FIELD_TEXT,
     .offset = AT(source),
     .form = FORM_PATH,
     .doc = "its directory; default <directory of cell.yaml>/<name>"},
    {.name = "build",
     .kind = FIELD_MAPPING,
     .offset = AT(build),
     .shape = &build_shape,
     .doc = "how its image is built, instead of image"},
    {.name = "command",
     .kind = FIELD_TEXTS,
     .offset = AT(command),
     .extra = AT(command_count),
     .read = read_words,
     .doc = "replaces the image's entry point"},
    {.name = "args",
     .kind = FIELD_TEXTS,
     .offset = AT(arguments),
     .extra = AT(argument_count),
     .read = read_words,
     .doc = "replaces the image's arguments"},
    {.name = "endpoints",
     .kind = FIELD_LIST,
     .offset = AT(endpoints),
     .extra = AT(endpoint_count),
     .shape = &endpoint_shape,
     .unique = true,
     .min = 0,
     .max = 50,
     .doc = "where it can be called; those of .choreo/component.yaml count too"},
};

static void finish_component(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                             uint64_t seen)
{
    const struct component *component = object;
    (void)mapping;
    (void)seen;
    if (component->name.text == NULL)
        return;
    if (component->layer.image.text != NULL && component->build.set)
        decode_conflict(decoder, "E_IMAGE", component->layer.image.at, component->build.at,
                        "the build", "%s has an image and a build: keep one", component->name.text);
    if (component->parameters != NULL && component->type != COMPONENT_OTHER)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_PARAMETERS", component->at,
                      "remove them, or write type: {kind: ..., name: ...}",
                      "%s: parameters are for component types of the platform's own",
                      component->name.text);
}

const struct shape component_shape = {
    .name = "component",
    .doc = "A deployable unit of a cell",
    .size = sizeof(struct component),
    .fields = component_fields,
    .field_count = SHAPE_COUNT(component_fields),
    .parts = {{&run_shape, AT(layer)}, {&layer_shape, AT(layer)}},
    .at = AT(at),
    .finish = finish_component,
};
#undef AT
