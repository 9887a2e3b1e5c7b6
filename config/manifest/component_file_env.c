#include "config/manifest/component_file_env.h"

#include "config/base/arena.h"
#include "config/base/text.h"
#include "config/manifest/configuration_read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct addition {
    struct decoder *decoder;
    const struct cell *cell;
    const struct layer *layer; /* the component's, as cell.yaml has it */
    struct env_variable *env;
    size_t count;
};

const struct connection *component_file_connection(const struct layer *layer, const char *name)
{
    for (size_t i = 0; i < layer->connection_count; i++) {
        if (layer->connections[i].name.text != NULL &&
            strcmp(layer->connections[i].name.text, name) == 0)
            return &layer->connections[i];
    }
    return NULL;
}

static bool is_declared(const struct addition *addition, const char *name)
{
    return component_file_connection(addition->layer, name) != NULL ||
           component_file_connection(&addition->cell->layer, name) != NULL;
}

static const struct env_variable *find(const struct env_variable *env, size_t count,
                                       const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (env[i].name.text != NULL && strcmp(env[i].name.text, name) == 0)
            return &env[i];
    }
    return NULL;
}

static bool configures(const struct layer *layer, const char *name)
{
    for (size_t i = 0; i < layer->configuration_count; i++) {
        const struct configuration *configuration = &layer->configurations[i];
        for (size_t k = 0; configuration->mount == MOUNT_ENV && k < configuration->entry_count;
             k++) {
            const char *own = configuration->entries[k].name.text;
            if (own != NULL && strcmp(own, name) == 0)
                return true;
        }
    }
    return false;
}

/* cell.yaml gives it, for the component or for the whole cell. */
static bool is_given(const struct addition *addition, const char *name)
{
    const struct layer *wide = &addition->cell->layer;
    return find(addition->env, addition->count, name) != NULL ||
           find(wide->env, wide->env_count, name) != NULL || configures(addition->layer, name) ||
           configures(wide, name);
}

/* Some variable has the connection's address. */
static bool is_used(const struct env_variable *env, size_t count, const char *connection)
{
    for (size_t i = 0; i < count; i++) {
        if (env[i].connection.text != NULL && strcmp(env[i].connection.text, connection) == 0)
            return true;
    }
    return false;
}

/* --- of connections --------------------------------------------------------------------------- */

static void add_of_connection(struct addition *addition, const struct manifest_text *name,
                              const struct manifest_text *from,
                              const struct manifest_text *connection, struct source_pos at)
{
    if (name->text == NULL || from->text == NULL || connection->text == NULL ||
        find(addition->env, addition->count, name->text) != NULL)
        return;
    if (strcasecmp(from->text, "ServiceURL") != 0) {
        if (!is_given(addition, name->text))
            decode_report(addition->decoder, DIAGNOSTIC_WARNING, "W_PASSED_OVER", from->at,
                          "a connection has an address here, and nothing else; give the variable "
                          "in cell.yaml",
                          "variable %s: \"%s\" of a connection is passed over", name->text,
                          from->text);
        return;
    }
    addition->env[addition->count++] =
        (struct env_variable){.name = *name, .connection = *connection, .at = at};
}

static void add_of_reference(struct addition *addition, const struct file_reference *reference)
{
    for (size_t i = 0; i < reference->variable_count; i++) {
        const struct file_variable *variable = &reference->variables[i];
        add_of_connection(addition, &variable->name, &variable->from, &reference->name,
                          variable->at);
    }
}

/* "hr-connection" -> "CHOREO_HR_CONNECTION_SERVICEURL": there Choreo puts the address itself. */
static void add_implied(struct addition *addition, const struct file_reference *reference)
{
    char name[300];
    const struct layer *wide = &addition->cell->layer;
    if (reference->written.text == NULL || strlen(reference->written.text) > 200 ||
        !is_declared(addition, reference->name.text) ||
        is_used(addition->env, addition->count, reference->name.text) ||
        is_used(wide->env, wide->env_count, reference->name.text))
        return;
    (void)text_put(name, sizeof(name), "CHOREO_%s_SERVICEURL", reference->written.text);
    for (char *c = name; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
        else if ((*c < 'A' || *c > 'Z') && (*c < '0' || *c > '9'))
            *c = '_';
    }
    if (find(addition->env, addition->count, name) != NULL)
        return;
    const char *copy = arena_text(addition->decoder->arena, name);
    if (copy == NULL)
        addition->decoder->status = -ENOMEM;
    else
        addition->env[addition->count++] =
            (struct env_variable){.name = {copy, reference->written.at},
                                  .connection = reference->name,
                                  .at = reference->at};
}

/* Version 1.0 names what is called by Choreo's own identifiers: cell.yaml says where that is. */
static void add_of_service(struct addition *addition, const struct file_reference *service)
{
    bool missed = service->variable_count == 0;
    if (service->name.text == NULL)
        return;
    if (is_declared(addition, service->name.text)) {
        add_of_reference(addition, service);
        return;
    }
    for (size_t i = 0; i < service->variable_count; i++) {
        const char *name = service->variables[i].name.text;
        missed = missed || (name != NULL && !is_given(addition, name));
    }
    if (missed)
        decode_report(addition->decoder, DIAGNOSTIC_WARNING, "W_PASSED_OVER", service->at,
                      "declare a connection in cell.yaml, and give its variables there",
                      "the service reference \"%.200s\" names no project here and is passed over",
                      service->name.text);
}

/* --- plain ones ------------------------------------------------------------------------------- */

static void add_text(struct addition *addition, const struct file_setting *setting)
{
    const struct env_variable *own = find(addition->env, addition->count, setting->name.text);
    struct env_variable variable = {
        .name = setting->name, .value = setting->value, .at = setting->at};
    configuration_finish_env(addition->decoder, &variable, NULL, 0);
    if (own == NULL) {
        addition->env[addition->count++] = variable;
        return;
    }
    const bool same = variable.value.text == NULL || own->value.text == NULL
                          ? variable.value.text == own->value.text
                          : strcmp(variable.value.text, own->value.text) == 0;
    if (!same)
        decode_conflict(addition->decoder, "E_DISAGREEMENT", own->at, setting->value.at,
                        "the variable of component.yaml",
                        "variable %s: cell.yaml and .choreo/component.yaml give it different "
                        "values; make them agree",
                        own->name.text);
}

static void add_setting(struct addition *addition, const struct file_setting *setting)
{
    if (setting->name.text == NULL)
        return;
    if (setting->value.text != NULL)
        add_text(addition, setting);
    else if (setting->connection.text != NULL)
        add_of_connection(addition, &setting->name, &setting->key, &setting->connection,
                          setting->at);
    else if (setting->asked && !is_given(addition, setting->name.text))
        decode_report(addition->decoder, DIAGNOSTIC_WARNING, "W_PASSED_OVER", setting->at,
                      "give it in cell.yaml: env, or configurations",
                      "variable %s: its value is at Choreo, and is passed over",
                      setting->name.text);
}

void component_file_add_env(struct decoder *decoder, const struct cell *cell,
                            struct component *component, const struct component_file *file)
{
    struct layer *layer = &component->layer;
    const struct layer before = *layer;
    size_t more = file->reference_count;
    for (size_t i = 0; i < file->reference_count; i++)
        more += file->references[i].variable_count;
    for (size_t i = 0; i < file->service_count; i++)
        more += file->services[i].variable_count;
    for (size_t i = 0; i < 2; i++)
        more += file->settings[i].count;
    struct addition addition = {
        .decoder = decoder, .cell = cell, .layer = &before, .count = layer->env_count};
    addition.env = decode_array(decoder, layer->env_count + more, sizeof(*addition.env));
    if (addition.env == NULL)
        return;
    if (layer->env_count > 0)
        memcpy(addition.env, layer->env, layer->env_count * sizeof(*addition.env));
    for (size_t i = 0; i < file->reference_count; i++) {
        if (file->references[i].name.text != NULL)
            add_of_reference(&addition, &file->references[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < file->settings[i].count; k++)
            add_setting(&addition, &file->settings[i].items[k]);
    }
    for (size_t i = 0; i < file->service_count; i++)
        add_of_service(&addition, &file->services[i]);
    for (size_t i = 0; i < file->reference_count; i++) {
        if (file->references[i].name.text != NULL)
            add_implied(&addition, &file->references[i]);
    }
    layer->env = addition.env;
    layer->env_count = addition.count;
}
