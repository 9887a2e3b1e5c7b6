/* The schema table of .choreo/component.yaml, versions 1.0, 1.1 and 1.2. */
#include "config/manifest/component_file_model.h"
#include "config/manifest/component_file_settings.h"
#include "config/manifest/decode.h"
#include "config/manifest/shapes.h"

#include <stddef.h>

static const struct word version_words[] = {{"1.0", 10}, {"1.1", 11}, {"1.2", 12}, {NULL, 0}};
static const struct word type_words[] = {
    {"REST", ENDPOINT_HTTP},       {"HTTP", ENDPOINT_HTTP},
    {"GraphQL", ENDPOINT_GRAPHQL}, {"GRPC", ENDPOINT_GRPC},
    {"WS", ENDPOINT_WEBSOCKET},    {"TCP", ENDPOINT_TCP},
    {"UDP", ENDPOINT_UDP},         {NULL, 0},
};
static const struct word visibility_words[] = {
    {"Project", VISIBILITY_PROJECT},
    {"Organization", VISIBILITY_NAMESPACE},
    {"Public", VISIBILITY_EXTERNAL},
    {NULL, 0},
};

/* --- endpoints -------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct file_endpoint, member)

static void read_visibilities(struct decoder *decoder, const struct field *field,
                              const struct yaml_node *key, const struct yaml_node *value,
                              void *object)
{
    struct file_endpoint *endpoint = object;
    (void)key;
    endpoint->visibility_at = decode_place(decoder, value);
    if (value->kind != YAML_KIND_SEQUENCE) {
        DECODE_ERROR(decoder, "E_TYPE", endpoint->visibility_at, "\"%s\" must be a list of words",
                     field->name);
        return;
    }
    for (const struct yaml_node *entry = value->first; entry != NULL; entry = entry->next) {
        int word = 0;
        if (decode_word(decoder, field->name, field->words, entry, &word))
            endpoint->visibility |= (unsigned)word;
    }
}

static const struct field service_fields[] = {
    {.name = "basePath",
     .kind = FIELD_TEXT,
     .offset = AT(base_path),
     .form = FORM_URL_PATH,
     .doc = "path below which it answers"},
    {.name = "port",
     .kind = FIELD_NUMBER,
     .offset = AT(port),
     .min = 1,
     .max = 65535,
     .required = true,
     .doc = "its port"},
};
static const struct shape service_shape = {
    .name = "service",
    .doc = "Where the endpoint listens",
    .size = sizeof(struct file_endpoint),
    .fields = service_fields,
    .field_count = SHAPE_COUNT(service_fields),
};

static const char visibilities_schema[] =
    "{\"type\": \"array\", \"items\": {\"enum\": [\"Project\", \"Organization\", \"Public\"]}}";

static const struct field endpoint_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .read = component_file_read_name,
     .form = FORM_SOME,
     .required = true,
     .doc = "name of the endpoint; capitals, spaces and _ become a-z and -"},
    {.name = "displayName",
     .kind = FIELD_TEXT,
     .offset = AT(display_name),
     .form = FORM_SOME,
     .doc = "name for people"},
    {.name = "service",
     .kind = FIELD_MAPPING,
     .shape = &service_shape,
     .required = true,
     .doc = "where it listens"},
    {.name = "type",
     .kind = FIELD_WORD,
     .offset = AT(type),
     .words = type_words,
     .required = true,
     .doc = "what it speaks; REST is http, WS is websocket"},
    {.name = "networkVisibilities",
     .kind = FIELD_OTHER,
     .words = visibility_words,
     .read = read_visibilities,
     .json_schema = visibilities_schema,
     .type_doc = "list of words",
     .fallback = "[Public]",
     .doc = "Project is project, Organization is namespace, Public is external"},
    {.name = "networkVisibility",
     .kind = FIELD_WORD,
     .words = visibility_words,
     .offset = AT(single_visibility),
     .extra = AT(single_visibility_set),
     .doc = "the same with one word"},
    {.name = "schemaFilePath",
     .kind = FIELD_TEXT,
     .offset = AT(schema_path),
     .form = FORM_SOME,
     .doc = "interface definition; celld does not read it"},
    {.name = "context",
     .kind = FIELD_TEXT,
     .offset = AT(context),
     .form = FORM_URL_PATH,
     .doc = "base path at the managed API; celld's routes have their own"},
};

static void finish_endpoint(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                            uint64_t seen)
{
    struct file_endpoint *endpoint = object;
    (void)seen;
    if (endpoint->single_visibility_set)
        endpoint->visibility |= (unsigned)endpoint->single_visibility;
    endpoint->visibility_set = endpoint->visibility != 0;
    if (!endpoint->visibility_set)
        endpoint->visibility = VISIBILITY_EXTERNAL;
    if (endpoint->visibility_at.path == NULL)
        endpoint->visibility_at = decode_place(decoder, mapping);
    endpoint->visibility |= VISIBILITY_PROJECT;
}

static const struct shape endpoint_shape_of_file = {
    .name = "component file endpoint",
    .doc = "Where the component can be called",
    .size = sizeof(struct file_endpoint),
    .fields = endpoint_fields,
    .field_count = SHAPE_COUNT(endpoint_fields),
    .at = AT(at),
    .finish = finish_endpoint,
};
#undef AT

/* --- dependencies ----------------------------------------------------------------------------- */

#define AT(member) offsetof(struct file_variable, member)
static const struct field variable_fields[] = {
    {.name = "from",
     .kind = FIELD_TEXT,
     .offset = AT(from),
     .form = FORM_SOME,
     .required = true,
     .doc = "what of the connection: ServiceURL"},
    {.name = "to",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_VARIABLE,
     .required = true,
     .doc = "the variable"},
};
static const struct shape variable_shape = {
    .name = "component file variable",
    .doc = "A variable that gets a connection's value",
    .size = sizeof(struct file_variable),
    .fields = variable_fields,
    .field_count = SHAPE_COUNT(variable_fields),
    .at = AT(at),
};
#undef AT

#define AT(member) offsetof(struct file_reference, member)

static void read_connection_name(struct decoder *decoder, const struct field *field,
                                 const struct yaml_node *key, const struct yaml_node *value,
                                 void *object)
{
    struct file_reference *reference = object;
    component_file_read_name(decoder, field, key, value, object);
    if (reference->name.text != NULL)
        reference->written = (struct manifest_text){value->text, decode_place(decoder, value)};
}

#define REFERENCE_FIELDS                                                                           \
    {.name = "resourceRef",                                                                        \
     .kind = FIELD_TEXT,                                                                           \
     .offset = AT(resource),                                                                       \
     .form = FORM_SOME,                                                                            \
     .doc = "service:/<project>/<component>/<version>/<id>/<visibility>"},                         \
        {.name = "connectionConfig",                                                               \
         .kind = FIELD_TEXT,                                                                       \
         .offset = AT(configuration),                                                              \
         .form = FORM_SOME,                                                                        \
         .doc = "identifier at Choreo (1.0); celld has no such thing"},                            \
        {.name = "env",                                                                            \
         .kind = FIELD_LIST,                                                                       \
         .offset = AT(variables),                                                                  \
         .extra = AT(variable_count),                                                              \
         .shape = &variable_shape,                                                                 \
         .min = 0,                                                                                 \
         .max = 100,                                                                               \
         .doc = "variables that get the connection's values"},

static const struct field reference_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .read = read_connection_name,
     .form = FORM_SOME,
     .required = true,
     .doc = "name of the connection; capitals, spaces and _ become a-z and -. Without a variable "
            "of its own it is in CHOREO_<NAME>_SERVICEURL"},
    REFERENCE_FIELDS};
static const struct shape reference_shape = {
    .name = "component file reference",
    .doc = "A connection of the component",
    .size = sizeof(struct file_reference),
    .fields = reference_fields,
    .field_count = SHAPE_COUNT(reference_fields),
    .at = AT(at),
};

static const struct field service_reference_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_SOME,
     .required = true,
     .doc = "what is called, in Choreo's words, or the name of a connection of cell.yaml"},
    REFERENCE_FIELDS};
static const struct shape service_reference_shape = {
    .name = "component file service",
    .doc = "A connection as version 1.0 writes it; where it leads is said in cell.yaml",
    .size = sizeof(struct file_reference),
    .fields = service_reference_fields,
    .field_count = SHAPE_COUNT(service_reference_fields),
    .at = AT(at),
};
#undef AT

#define AT(member) offsetof(struct component_file, member)
static const struct field dependency_fields[] = {
    {.name = "serviceReferences",
     .kind = FIELD_LIST,
     .offset = AT(services),
     .extra = AT(service_count),
     .shape = &service_reference_shape,
     .min = 0,
     .max = 50,
     .doc = "connections as version 1.0 writes them"},
    {.name = "connectionReferences",
     .kind = FIELD_LIST,
     .offset = AT(references),
     .extra = AT(reference_count),
     .shape = &reference_shape,
     .unique = true,
     .min = 0,
     .max = 50,
     .doc = "connections, since version 1.1"},
};
static const struct shape dependencies_shape = {
    .name = "dependencies",
    .doc = "What the component calls",
    .size = sizeof(struct component_file),
    .fields = dependency_fields,
    .field_count = SHAPE_COUNT(dependency_fields),
};

#undef AT

#define AT(member) offsetof(struct component_file, member)

/* --- the file --------------------------------------------------------------------------------- */

static void read_version(struct decoder *decoder, const struct field *field,
                         const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct component_file *file = object;
    (void)key;
    if (decode_word(decoder, field->name, field->words, value, &file->version))
        file->version_at = decode_place(decoder, value);
}

static const struct field file_fields[] = {
    {.name = "schemaVersion",
     .kind = FIELD_TEXT,
     .words = version_words,
     .json_schema = "{\"enum\": [\"1.0\", \"1.1\", \"1.2\", 1.0, 1.1, 1.2]}",
     .type_doc = "`1.0`, `1.1`, `1.2`",
     .required = true,
     .read = read_version,
     .doc = "version of the file's format"},
    {.name = "endpoints",
     .kind = FIELD_LIST,
     .offset = AT(endpoints),
     .extra = AT(endpoint_count),
     .shape = &endpoint_shape_of_file,
     .unique = true,
     .min = 0,
     .max = 50,
     .doc = "where the component can be called"},
    {.name = "dependencies",
     .kind = FIELD_MAPPING,
     .shape = &dependencies_shape,
     .doc = "what the component calls"},
    {.name = "configurations",
     .kind = FIELD_MAPPING,
     .shape = &component_file_settings_shape,
     .offset = AT(settings[0]),
     .doc = "variables and files"},
    {.name = "configuration",
     .kind = FIELD_MAPPING,
     .shape = &component_file_settings_shape,
     .offset = AT(settings[1]),
     .doc = "the same, as version 1.1 calls it"},
    {.name = "proxy",
     .kind = FIELD_OTHER,
     .read = component_file_pass_over,
     .json_schema = "{}",
     .type_doc = "anything",
     .doc = "an API proxy at Choreo; celld has no such thing and passes it over with a warning"},
};

static void finish_file(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                        uint64_t seen)
{
    const struct component_file *file = object;
    (void)mapping;
    (void)seen;
    if (file->version == 10 && file->reference_count > 0)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_COMPONENT_VERSION", file->references[0].at,
                      "write schemaVersion: 1.1 or later",
                      "connectionReferences are not in version 1.0");
}

const struct shape component_file_shape = {
    .name = "component.yaml",
    .doc = "What Choreo reads beside a component's source",
    .size = sizeof(struct component_file),
    .fields = file_fields,
    .field_count = SHAPE_COUNT(file_fields),
    .finish = finish_file,
};
#undef AT
