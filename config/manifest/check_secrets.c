/* Keys of secrets against the SecretReferences that the repository declares. What is declared
 * nowhere may stand on the control plane, or be a credential: the compiler looks there. */
#include "config/base/json.h"
#include "config/base/text.h"
#include "config/manifest/check.h"

#include <stdio.h>
#include <string.h>

static bool is_same_name(const char *object, const char *name)
{
    for (; *object != '\0' && *name != '\0'; object++, name++) {
        const int lower = *name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : (unsigned char)*name;
        if ((lower == '_' ? '-' : lower) != (unsigned char)*object && *name != *object)
            return false;
    }
    return *object == *name;
}

/* As it is written, or as a variable's name is written as an object's: DB_KEY is db-key. */
static const struct native_resource *find_reference(const struct manifest_set *set,
                                                    const char *name)
{
    const struct native_resource *found = NULL;
    for (size_t i = 0; i < set->native_count; i++) {
        const struct native_resource *native = &set->natives[i];
        if (strcmp(native->kind, "SecretReference") != 0)
            continue;
        if (strcmp(native->name, name) == 0)
            return native;
        if (found == NULL && is_same_name(native->name, name))
            found = native;
    }
    return found;
}

static bool has_key(const json_t *data, const char *key)
{
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *row = json_array_get(data, i);
        if (strcmp(json_text_or(json_object_get(row, "secretKey"), ""), key) == 0)
            return true;
    }
    return false;
}

static void list_keys(const json_t *data, const char *name, struct text *out)
{
    text_format(out, "write ");
    for (size_t i = 0; i < json_array_size(data) && i < 5; i++)
        text_format(out, "%s%s:%s", i == 0 ? "" : ", or ", name,
                    json_text_or(json_object_get(json_array_get(data, i), "secretKey"), ""));
}

/* Without a key it is the one that is called like the variable or file (`own`) or the secret, or
 * the only one. */
static void check_secret(struct loader *loader, struct manifest_cell *entry,
                         const struct manifest_text *name, const struct manifest_text *key,
                         const char *own)
{
    if (name->text == NULL)
        return;
    const struct native_resource *native = find_reference(loader->set, name->text);
    if (native == NULL)
        return;
    const json_t *data = json_at(native->body, "spec", "data", NULL);
    const bool any = key->text == NULL;
    const char *wanted = any ? own == NULL ? name->text : own : key->text;
    if (json_array_size(data) == 0 || (any && json_array_size(data) == 1) ||
        has_key(data, wanted) ||
        (any && (has_key(data, name->text) || has_key(data, native->name))))
        return;
    OWNED_TEXT hint;
    text_init(&hint, 400);
    list_keys(data, name->text, &hint);
    loader_error(loader, entry, "E_SECRET_KEY", name->at, text_get(&hint),
                 "SecretReference %s has no key \"%s\"", native->name, wanted);
}

static void check_layer(struct loader *loader, struct manifest_cell *entry,
                        const struct layer *layer)
{
    for (size_t i = 0; i < layer->configuration_count; i++) {
        const struct configuration *configuration = &layer->configurations[i];
        for (size_t k = 0; k < configuration->entry_count; k++)
            check_secret(loader, entry, &configuration->entries[k].secret,
                         &configuration->entries[k].secret_key,
                         configuration->entries[k].name.text);
    }
    for (size_t i = 0; i < layer->connection_count; i++)
        check_secret(loader, entry, &layer->connections[i].external_secret,
                     &layer->connections[i].external_secret_key, NULL);
}

static void check_override_layers(struct loader *loader, struct manifest_cell *entry,
                                  const struct override *overrides, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_layer(loader, entry, &overrides[i].layer);
        for (size_t k = 0; k < overrides[i].component_count; k++)
            check_layer(loader, entry, &overrides[i].components[k].layer);
    }
}

static void check_cell(struct loader *loader, struct manifest_cell *entry)
{
    const struct cell *cell = entry->cell;
    check_layer(loader, entry, &cell->layer);
    for (size_t i = 0; i < cell->component_count; i++)
        check_layer(loader, entry, &cell->components[i].layer);
    check_override_layers(loader, entry, cell->environments, cell->environment_count);
    check_override_layers(loader, entry, cell->targets, cell->target_count);
}

void check_secrets(struct loader *loader)
{
    if (loader->set->native_count > 0)
        check_each_cell(loader, check_cell);
}
