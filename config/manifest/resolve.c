#include "config/manifest/resolve.h"

#include "config/base/text.h"
#include "config/manifest/load.h"
#include "config/manifest/shapes.h"

#include <string.h>

const char *resolve_type_name(enum endpoint_type type)
{
    for (const struct word *word = endpoint_type_words; word->name != NULL; word++) {
        if (word->value == (int)type)
            return word->name;
    }
    return "";
}

static bool word_value(const struct word *words, const char *name, int *ret_value)
{
    for (; words->name != NULL; words++) {
        if (strcmp(words->name, name) == 0) {
            *ret_value = words->value;
            return true;
        }
    }
    return false;
}

const struct manifest_cell *resolve_project(const struct manifest_set *set,
                                            const struct platform *platform, const char *project)
{
    const char *prefix = platform->project_prefix.text;
    const size_t length = strlen(prefix);
    return strncmp(project, prefix, length) == 0 ? manifest_set_cell(set, project + length) : NULL;
}

/* "/api/v1/cart/" and "/api/v1/cart" are one path, and "/" is none. */
static bool is_same_path(const char *a, const char *b)
{
    size_t a_length = a == NULL ? 0 : strlen(a), b_length = b == NULL ? 0 : strlen(b);
    while (a_length > 0 && a[a_length - 1] == '/')
        a_length--;
    while (b_length > 0 && b[b_length - 1] == '/')
        b_length--;
    return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

static bool matches(const struct connection *connection, const struct component *component,
                    const struct endpoint *endpoint)
{
    int type = 0;
    if (connection->component.text != NULL &&
        strcmp(connection->component.text, component->name.text) != 0)
        return false;
    if (connection->endpoint.text != NULL &&
        strcmp(connection->endpoint.text, endpoint->name.text) != 0)
        return false;
    if (connection->protocol.text != NULL &&
        (!word_value(protocol_words, connection->protocol.text, &type) ||
         type != (int)endpoint->type))
        return false;
    if (connection->port.set && connection->port.value != endpoint->port)
        return false;
    return connection->path.text == NULL ||
           is_same_path(connection->path.text, endpoint->base_path.text);
}

enum resolve_outcome resolve_connection(const struct manifest_set *set,
                                        const struct platform *platform, const struct cell *cell,
                                        const struct connection *connection,
                                        struct connection_end *ret_end)
{
    *ret_end = (struct connection_end){.connection = connection};
    if (connection->external_url.text != NULL) {
        ret_end->external = true;
        return RESOLVE_FOUND;
    }
    const struct manifest_cell *entry =
        connection->target.text == NULL ? NULL
                                        : resolve_project(set, platform, connection->target.text);
    if (entry == NULL)
        return RESOLVE_UNKNOWN_PROJECT;
    /* A cell calls its own newest self; another one as it stands in the set. */
    const bool same = strcmp(entry->name, cell->name.text) == 0;
    const struct cell *provider = same ? cell : entry->cell;
    if (provider == NULL)
        return RESOLVE_UNREADABLE;
    size_t found = 0;
    for (size_t i = 0; i < provider->component_count; i++) {
        const struct component *component = &provider->components[i];
        for (size_t j = 0; j < component->endpoint_count; j++) {
            if (!matches(connection, component, &component->endpoints[j]))
                continue;
            found++;
            ret_end->component = component->name.text;
            ret_end->endpoint = &component->endpoints[j];
        }
    }
    ret_end->cell = provider->name.text;
    ret_end->project = connection->target.text;
    ret_end->same_cell = same;
    return found == 1 ? RESOLVE_FOUND : found == 0 ? RESOLVE_NO_ENDPOINT : RESOLVE_SEVERAL;
}

void resolve_candidates(const struct cell *provider, struct text *out)
{
    size_t written = 0;
    for (size_t i = 0; i < provider->component_count; i++) {
        const struct component *component = &provider->components[i];
        for (size_t j = 0; j < component->endpoint_count && written < 12; j++, written++) {
            const struct endpoint *endpoint = &component->endpoints[j];
            text_format(out, "%s%s/%s (%s, port %u%s%s)", written == 0 ? "" : ", ",
                        component->name.text, endpoint->name.text,
                        resolve_type_name(endpoint->type), (unsigned)endpoint->port,
                        endpoint->base_path.text == NULL ? "" : ", path ",
                        endpoint->base_path.text == NULL ? "" : endpoint->base_path.text);
        }
    }
    if (written == 0)
        text_add(out, "it has no endpoints");
}
