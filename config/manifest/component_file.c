#include "config/manifest/component_file.h"

#include "config/base/arena.h"
#include "config/base/text.h"
#include "config/manifest/component_file_env.h"
#include "config/manifest/component_file_model.h"
#include "config/manifest/document.h"
#include "config/manifest/shapes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "/.choreo/component.yaml"

const struct manifest_file *component_file_find(const struct loader *loader, const char *source)
{
    char path[1200];
    const int length = text_put(path, sizeof(path), "%s" FILE_NAME, source);
    return length > 0 && (size_t)length < sizeof(path)
               ? loader_file(loader, MANIFEST_FILE_COMPONENT, path)
               : NULL;
}

static const char *type_name(enum endpoint_type type)
{
    for (const struct word *word = endpoint_type_words; word->name != NULL; word++) {
        if (word->value == (int)type)
            return word->name;
    }
    return "";
}

/* --- endpoints -------------------------------------------------------------------------------- */

static void disagree(struct decoder *decoder, struct source_pos at, struct source_pos related,
                     const char *endpoint, const char *what, const char *ours, const char *theirs)
{
    char message[128];
    (void)text_put(message, sizeof(message), "component.yaml says %.80s", theirs);
    decode_conflict(decoder, "E_DISAGREEMENT", at, related, message,
                    "endpoint \"%s\": cell.yaml says %s %s, .choreo/component.yaml says %s; make "
                    "them agree",
                    endpoint, what, ours, theirs);
}

static void visibility_text(unsigned visibility, char *ret_text, size_t size)
{
    (void)text_put(ret_text, size, "%s%s%s",
                   (visibility & VISIBILITY_NAMESPACE) != 0 ? "namespace " : "",
                   (visibility & VISIBILITY_INTERNAL) != 0 ? "internal " : "",
                   (visibility & VISIBILITY_EXTERNAL) != 0 ? "external " : "");
    const size_t length = strlen(ret_text);
    if (length == 0)
        (void)text_put(ret_text, size, "project");
    else
        ret_text[length - 1] = '\0';
}

/* "/" is no path at all. */
static const char *path_or_none(const struct manifest_text *path)
{
    return path->text == NULL || strcmp(path->text, "/") == 0 ? "/" : path->text;
}

static void compare_endpoints(struct decoder *decoder, struct endpoint *ours,
                              const struct file_endpoint *theirs)
{
    char a[64], b[64];
    (void)text_put(a, sizeof(a), "%u", (unsigned)ours->port);
    (void)text_put(b, sizeof(b), "%lld", (long long)theirs->port.value);
    if (theirs->port.set && ours->port != theirs->port.value)
        disagree(decoder, ours->port_at, theirs->port.at, ours->name.text, "port", a, b);
    if (ours->type != theirs->type)
        disagree(decoder, ours->type_at, theirs->at, ours->name.text, "type", type_name(ours->type),
                 type_name(theirs->type));
    if (ours->base_path.text == NULL)
        ours->base_path = theirs->base_path;
    else if (theirs->base_path.text != NULL &&
             strcmp(path_or_none(&ours->base_path), path_or_none(&theirs->base_path)) != 0)
        disagree(decoder, ours->base_path.at, theirs->base_path.at, ours->name.text, "basePath",
                 ours->base_path.text, theirs->base_path.text);
    if (!ours->visibility_set) {
        ours->visibility = theirs->visibility;
    } else if (theirs->visibility_set && ours->visibility != theirs->visibility) {
        visibility_text(ours->visibility, a, sizeof(a));
        visibility_text(theirs->visibility, b, sizeof(b));
        disagree(decoder, ours->visibility_at, theirs->visibility_at, ours->name.text, "visibility",
                 a, b);
    }
    if (ours->display_name.text == NULL)
        ours->display_name = theirs->display_name;
}

static const struct file_endpoint *find_theirs(const struct component_file *file, const char *name)
{
    for (size_t i = 0; i < file->endpoint_count; i++) {
        if (file->endpoints[i].name.text != NULL && strcmp(file->endpoints[i].name.text, name) == 0)
            return &file->endpoints[i];
    }
    return NULL;
}

/* An endpoint of cell.yaml alone that speaks the same: most likely meant to be this one. */
static const struct endpoint *find_likely(const struct component *component,
                                          const struct component_file *file,
                                          const struct file_endpoint *theirs)
{
    for (size_t i = 0; i < component->endpoint_count; i++) {
        const struct endpoint *ours = &component->endpoints[i];
        if (ours->name.text != NULL && ours->type == theirs->type &&
            find_theirs(file, ours->name.text) == NULL)
            return ours;
    }
    return NULL;
}

static struct endpoint to_endpoint(const struct file_endpoint *theirs)
{
    return (struct endpoint){
        .name = theirs->name,
        .type = theirs->type,
        .port = (uint16_t)theirs->port.value,
        .base_path = theirs->base_path,
        .visibility = theirs->visibility,
        .visibility_set = theirs->visibility_set,
        .display_name = theirs->display_name,
        .at = theirs->at,
        .type_at = theirs->at,
        .port_at = theirs->port.at,
        .visibility_at = theirs->visibility_at,
    };
}

static struct endpoint *find_ours(struct endpoint *endpoints, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (endpoints[i].name.text != NULL && strcmp(endpoints[i].name.text, name) == 0)
            return &endpoints[i];
    }
    return NULL;
}

static void add_endpoints(struct decoder *decoder, struct component *component,
                          const struct component_file *file)
{
    struct endpoint *endpoints =
        decode_array(decoder, component->endpoint_count + file->endpoint_count, sizeof(*endpoints));
    size_t count = component->endpoint_count;
    if (endpoints == NULL)
        return;
    if (count > 0)
        memcpy(endpoints, component->endpoints, count * sizeof(*endpoints));
    for (size_t i = 0; i < file->endpoint_count; i++) {
        const struct file_endpoint *theirs = &file->endpoints[i];
        if (theirs->name.text == NULL)
            continue;
        struct endpoint *ours = find_ours(endpoints, component->endpoint_count, theirs->name.text);
        const struct endpoint *likely = find_likely(component, file, theirs);
        if (ours != NULL)
            compare_endpoints(decoder, ours, theirs);
        else if (likely != NULL)
            decode_conflict(decoder, "E_DISAGREEMENT", likely->name.at, theirs->name.at,
                            "the endpoint of component.yaml",
                            "cell.yaml calls the %s endpoint \"%s\" (port %u), "
                            ".choreo/component.yaml calls it \"%s\" (port %lld): give them one "
                            "name, or list both in both",
                            type_name(likely->type), likely->name.text, (unsigned)likely->port,
                            theirs->name.text, (long long)theirs->port.value);
        else
            endpoints[count++] = to_endpoint(theirs);
    }
    component->endpoints = endpoints;
    component->endpoint_count = count;
}

/* --- connections ------------------------------------------------------------------------------ */

/* "service:/<project>/<component>/...". */
static bool read_resource(struct decoder *decoder, const struct file_reference *reference,
                          struct connection *ret_connection)
{
    static const char scheme[] = "service:/";
    const char *text = reference->resource.text;
    if (text == NULL || strncmp(text, scheme, strlen(scheme)) != 0) {
        decode_report(decoder, DIAGNOSTIC_WARNING, "W_PASSED_OVER", reference->at,
                      "declare it in cell.yaml: connections",
                      "the connection \"%s\" names no service and is passed over",
                      reference->name.text);
        return false;
    }
    const char *project = text + strlen(scheme);
    const size_t project_length = strcspn(project, "/");
    const char *component = project + project_length + (project[project_length] == '/');
    const size_t component_length = strcspn(component, "/");
    if (form_problem(FORM_LABEL, project, project_length) != NULL ||
        form_problem(FORM_LABEL, component, component_length) != NULL) {
        decode_report(
            decoder, DIAGNOSTIC_ERROR, "E_RESOURCE_REF", reference->resource.at,
            "write service:/<project>/<component>/...",
            "\"%s\" names no project and component of this platform: their names have only "
            "a-z, 0-9 and -",
            text);
        return false;
    }
    *ret_connection = (struct connection){
        .name = reference->name,
        .target = {arena_copy(decoder->arena, project, project_length), reference->resource.at},
        .component = {arena_copy(decoder->arena, component, component_length),
                      reference->resource.at},
        .at = reference->at,
    };
    if (ret_connection->target.text == NULL || ret_connection->component.text == NULL)
        decoder->status = -ENOMEM;
    return decoder->status == 0;
}

static void compare_connections(struct decoder *decoder, const struct connection *ours,
                                const struct connection *theirs)
{
    if (ours->target.text != NULL && strcmp(ours->target.text, theirs->target.text) != 0)
        decode_conflict(decoder, "E_DISAGREEMENT", ours->target.at, theirs->target.at,
                        "component.yaml's target",
                        "connection \"%s\": cell.yaml leads to %s, .choreo/component.yaml to %s; "
                        "make them agree",
                        ours->name.text, ours->target.text, theirs->target.text);
    else if (ours->component.text != NULL &&
             strcmp(ours->component.text, theirs->component.text) != 0)
        decode_conflict(decoder, "E_DISAGREEMENT", ours->component.at, theirs->component.at,
                        "component.yaml's component",
                        "connection \"%s\": cell.yaml leads to the component %s, "
                        ".choreo/component.yaml to %s; make them agree",
                        ours->name.text, ours->component.text, theirs->component.text);
}

static void add_connections(struct decoder *decoder, const struct cell *cell,
                            struct component *component, const struct component_file *file)
{
    struct layer *layer = &component->layer;
    struct connection *connections = decode_array(
        decoder, layer->connection_count + file->reference_count, sizeof(*connections));
    size_t count = layer->connection_count;
    if (connections == NULL)
        return;
    if (count > 0)
        memcpy(connections, layer->connections, count * sizeof(*connections));
    for (size_t i = 0; i < file->reference_count; i++) {
        struct connection theirs;
        if (file->references[i].name.text == NULL ||
            !read_resource(decoder, &file->references[i], &theirs))
            continue;
        const struct connection *ours = component_file_connection(layer, theirs.name.text);
        if (ours == NULL)
            ours = component_file_connection(&cell->layer, theirs.name.text);
        if (ours != NULL)
            compare_connections(decoder, ours, &theirs);
        else
            connections[count++] = theirs;
    }
    layer->connections = connections;
    layer->connection_count = count;
}

/* --- the file --------------------------------------------------------------------------------- */

void component_file_add(struct loader *loader, struct decoder *decoder, struct cell *cell,
                        struct component *component)
{
    const struct manifest_file *file = component_file_find(loader, component->source.text);
    struct document document;
    if (file == NULL)
        return;
    struct decoder own = *decoder;
    struct component_file content = {0};
    own.path = arena_text(cell->arena, file->path);
    if (own.path == NULL) {
        decoder->status = -ENOMEM;
        return;
    }
    document_open(loader, file, cell->arena, &document);
    if (document_is_whole(&document)) {
        decode_mapping(&own, &component_file_shape, document.first, &content);
        add_endpoints(&own, component, &content);
        add_connections(&own, cell, component, &content);
        component_file_add_env(&own, cell, component, &content);
    }
    decoder->status = own.status;
    decoder->errors = own.errors;
}

static int compare_sources(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The sources of all components, sorted; NULL when some cell cannot be read: a file may be its. */
static const char **list_sources(struct loader *loader, size_t *ret_count)
{
    const struct manifest_set *set = loader->set;
    size_t count = 0;
    for (size_t i = 0; i < set->cell_count; i++) {
        if (set->cells[i].cell == NULL)
            return NULL;
        count += set->cells[i].cell->component_count;
    }
    const char **sources = arena_array(set->arena, count, sizeof(*sources));
    *ret_count = 0;
    for (size_t i = 0; sources != NULL && i < set->cell_count; i++) {
        const struct cell *cell = set->cells[i].cell;
        for (size_t j = 0; j < cell->component_count; j++)
            sources[(*ret_count)++] = cell->components[j].source.text;
    }
    if (sources == NULL)
        loader->status = -ENOMEM;
    else if (count > 1)
        qsort(sources, count, sizeof(*sources), compare_sources);
    return sources;
}

static bool is_used(const char *const *sources, size_t count, const char *path)
{
    char source[1200];
    const size_t length = strlen(path), suffix = strlen(FILE_NAME);
    if (length <= suffix || length - suffix >= sizeof(source) ||
        strcmp(path + length - suffix, FILE_NAME) != 0)
        return false;
    memcpy(source, path, length - suffix);
    source[length - suffix] = '\0';
    const char *key = source;
    return count > 0 && bsearch(&key, sources, count, sizeof(*sources), compare_sources) != NULL;
}

void component_file_check_unused(struct loader *loader)
{
    size_t count = 0;
    const struct manifest_file *const *files =
        loader_files(loader, MANIFEST_FILE_COMPONENT, &count);
    size_t source_count = 0;
    const char **sources =
        count == 0 || loader->status < 0 ? NULL : list_sources(loader, &source_count);
    for (size_t i = 0; sources != NULL && i < count; i++) {
        if (!is_used(sources, source_count, files[i]->path))
            loader_report(loader, NULL,
                          &(struct diagnostic){
                              .severity = DIAGNOSTIC_WARNING,
                              .code = "W_UNUSED_FILE",
                              .at = {files[i]->path, 1, 1},
                              .message = "the file belongs to no component of any cell",
                              .hint = "name its directory as a component's source",
                          });
    }
}
