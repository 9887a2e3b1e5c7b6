#include "config/manifest/configuration_read.h"

#include "config/base/arena.h"
#include "config/base/json.h"
#include "config/manifest/decode_list.h"
#include "config/manifest/shapes.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECTION_PREFIX "${CHOREO_CONNECTION_"

/* --- variables -------------------------------------------------------------------------------- */

void configuration_read_value(struct decoder *decoder, const struct field *field,
                              const struct yaml_node *key, const struct yaml_node *value,
                              void *object)
{
    (void)key;
    (void)decode_text(decoder, field, value,
                      (struct manifest_text *)(void *)((char *)object + field->offset));
}

static bool contains(const char *text, const char *word)
{
    const size_t length = strlen(word);
    for (; *text != '\0'; text++) {
        /* Words are upper case: 0x20 is what a lower case letter differs by. */
        if ((*text & ~0x20) == word[0] && strncasecmp(text, word, length) == 0)
            return true;
    }
    return false;
}

/* Names under which people keep what nobody else should read. */
static bool is_secret_name(const char *name)
{
    static const char *const words[] = {"PASSWORD", "PASSWD", "SECRET",      "TOKEN",
                                        "API_KEY",  "APIKEY", "PRIVATE_KEY", "CREDENTIAL"};
    for (size_t i = 0; i < SHAPE_COUNT(words); i++) {
        if (contains(name, words[i]))
            return true;
    }
    return false;
}

/* Values that have the shape of well-known keys. */
static bool is_secret_value(const char *value)
{
    static const char *const beginnings[] = {"AKIA",   "ghp_",  "github_pat_",
                                             "glpat-", "xoxb-", "sk_live_"};
    if (strstr(value, "PRIVATE KEY-----") != NULL)
        return true;
    for (size_t i = 0; i < SHAPE_COUNT(beginnings); i++) {
        if (strncmp(value, beginnings[i], strlen(beginnings[i])) == 0 && strlen(value) >= 16)
            return true;
    }
    return false;
}

/* Never shows the value. */
static void warn_of_secret(struct decoder *decoder, const struct manifest_text *name,
                           const struct manifest_text *value)
{
    if (value->text[0] == '\0' || (!is_secret_name(name->text) && !is_secret_value(value->text)))
        return;
    decode_report(decoder, DIAGNOSTIC_WARNING, "W_SECRET", value->at,
                  "use a configuration of type secret with \"${NAME}\"",
                  "%s looks like a secret, and everybody who reads the repository can read it",
                  name->text);
}

void configuration_finish_env(struct decoder *decoder, void *object,
                              const struct yaml_node *mapping, uint64_t seen)
{
    struct env_variable *variable = object;
    (void)mapping;
    (void)seen;
    if (variable->value.text == NULL || variable->name.text == NULL)
        return;
    const char *text = variable->value.text;
    const size_t length = strlen(text), prefix = strlen(CONNECTION_PREFIX);
    const char *reference = strstr(text, CONNECTION_PREFIX);
    if (reference == NULL) {
        warn_of_secret(decoder, &variable->name, &variable->value);
        return;
    }
    const char *end = strchr(reference, '}');
    if (reference != text || end == NULL || end[1] != '\0' || length == prefix + 1) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_CONNECTION_VALUE", variable->value.at,
                      "the address holds scheme, host, port and path already",
                      "%s: ${CHOREO_CONNECTION_...} must be the whole value", variable->name.text);
        return;
    }
    variable->connection = (struct manifest_text){
        arena_copy(decoder->arena, text + prefix, length - prefix - 1), variable->value.at};
    if (variable->connection.text == NULL)
        decoder->status = -ENOMEM;
    variable->value.text = NULL;
}

/* --- files, one by one ------------------------------------------------------------------------ */

#define AT(member) offsetof(struct configuration_entry, member)
static const struct field file_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_FILE_NAME,
     .required = true,
     .doc = "the file's name in mount_path"},
    {.name = "content",
     .kind = FIELD_TEXT,
     .offset = AT(value),
     .required = true,
     .doc = "what it holds; in a secret \"${NAME}\" or \"${NAME:key}\""},
};
static const struct shape file_shape = {
    .name = "file",
    .doc = "One file of a configuration",
    .size = sizeof(struct configuration_entry),
    .fields = file_fields,
    .field_count = SHAPE_COUNT(file_fields),
};
#undef AT

/* --- entries of configurations ---------------------------------------------------------------- */

struct entries {
    struct decoder *decoder;
    const struct field *field;
    struct configuration *configuration;
    struct configuration_entry *items;
    size_t count, capacity;
};

static void add_entry(struct entries *entries, const char *name, size_t name_length,
                      const char *value, struct source_pos name_at, struct source_pos value_at)
{
    struct decoder *decoder = entries->decoder;
    const char *problem = form_problem(entries->field->form, name, name_length);
    if (problem != NULL) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_NAME", name_at, form_doc(entries->field->form),
                      "the name \"%s\" %s", name, problem);
        return;
    }
    char *copy = arena_copy(decoder->arena, name, name_length);
    if (copy == NULL || entries->count == entries->capacity) {
        decoder->status = -ENOMEM;
        return;
    }
    entries->items[entries->count++] = (struct configuration_entry){
        .name = {copy, name_at}, .value = {value, value_at}, .at = name_at};
}

static void add_from_mapping(struct entries *entries, const struct yaml_node *value)
{
    struct decoder *decoder = entries->decoder;
    for (const struct yaml_node *key = value->first; key != NULL; key = key->next->next) {
        const struct yaml_node *text = yaml_value(key);
        struct manifest_text content;
        if (yaml_is_empty(text))
            content = (struct manifest_text){"", decode_place(decoder, text)};
        else if (!decode_text(decoder, &(const struct field){.name = key->text}, text, &content))
            continue;
        add_entry(entries, key->text, key->length, content.text, decode_place(decoder, key),
                  content.at);
    }
}

/* Where `"name"` stands in a block of lines: a literal block has the file's own lines. */
static struct source_pos place_in_block(const struct decoder *decoder,
                                        const struct yaml_node *value, const char *name)
{
    const struct source_pos at = decode_place(decoder, value);
    if (!value->literal)
        return at;
    const size_t length = strlen(name);
    uint32_t line = value->line + 1;
    for (const char *c = value->text; *c != '\0'; c++) {
        if (*c == '\n')
            line++;
        if (*c == '"' && strncmp(c + 1, name, length) == 0 && c[1 + length] == '"') {
            return (struct source_pos){at.path, line, 1};
        }
    }
    return at;
}

static void add_from_json(struct entries *entries, const struct yaml_node *value)
{
    struct decoder *decoder = entries->decoder;
    struct error err;
    json_t *json = NULL;
    const int status = json_read(value->text, value->length, entries->field->name, &json, &err);
    if (status == -ENOMEM) {
        decoder->status = -ENOMEM;
        return;
    }
    OWNED_JSON *owned = json;
    if (status < 0 || !json_is_object(owned)) {
        struct source_pos at = decode_place(decoder, value);
        if (status < 0 && value->literal && err.where.line > 0)
            at = (struct source_pos){at.path, value->line + err.where.line, 1};
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_JSON", at,
                      "write { \"NAME\": \"text\" }, or a YAML mapping",
                      status < 0 ? "%s" : "%.0s\"%s\" must be a JSON object",
                      status < 0 ? err.detail : "", entries->field->name);
        return;
    }
    const char *name;
    json_t *member;
    json_object_foreach(owned, name, member)
    {
        const struct source_pos at = place_in_block(decoder, value, name);
        const char *text = json_string_value(member);
        char *copy = text == NULL ? NULL : arena_text(decoder->arena, text);
        if (text == NULL)
            decode_report(decoder, DIAGNOSTIC_ERROR, "E_TYPE", at, "put it in quotes",
                          "\"%s\" must be a text", name);
        else if (copy == NULL)
            decoder->status = -ENOMEM;
        else
            add_entry(entries, name, strlen(name), copy, at, at);
    }
}

/* - {name: ..., content: ...}. */
static void add_from_list(struct entries *entries, const struct yaml_node *value)
{
    struct decoder *decoder = entries->decoder;
    for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
        struct configuration_entry entry = {0};
        decode_mapping(decoder, &file_shape, item, &entry);
        if (entry.name.text == NULL || entry.value.text == NULL)
            continue;
        add_entry(entries, entry.name.text, strlen(entry.name.text), entry.value.text,
                  entry.name.at, entry.value.at);
    }
}

static size_t count_entries(const struct yaml_node *value)
{
    if (value->kind != YAML_KIND_SCALAR)
        return value->length;
    size_t count = 0;
    for (const char *c = value->text; *c != '\0'; c++)
        count += *c == ':';
    return count;
}

static void read_entries(struct decoder *decoder, const struct field *field,
                         const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    (void)key;
    struct entries entries = {.decoder = decoder, .field = field, .configuration = object};
    if (value->kind == YAML_KIND_SEQUENCE && field->shape == NULL) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_TYPE", decode_place(decoder, value),
                      "write { \"NAME\": \"text\" } as a block (|), or a YAML mapping",
                      "\"%s\" must be a mapping from names to texts", field->name);
        return;
    }
    entries.capacity = count_entries(value);
    entries.items = decode_array(decoder, entries.capacity, sizeof(*entries.items));
    if (entries.items == NULL)
        return;
    if (value->kind == YAML_KIND_MAPPING)
        add_from_mapping(&entries, value);
    else if (value->kind == YAML_KIND_SEQUENCE)
        add_from_list(&entries, value);
    else
        add_from_json(&entries, value);
    entries.configuration->entries = entries.items;
    entries.configuration->entry_count = entries.count;
    decode_check_unique(decoder, field->name, entries.items, entries.count, sizeof(*entries.items));
}

/* One file: mount_path is then the file's own path. */
static void read_content(struct decoder *decoder, const struct field *field,
                         const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct configuration *configuration = object;
    struct configuration_entry *entry = decode_array(decoder, 1, sizeof(*entry));
    if (entry == NULL || !decode_text(decoder, field, value, &entry->value))
        return;
    entry->at = decode_place(decoder, key);
    configuration->entries = entry;
    configuration->entry_count = 1;
}

/* --- configurations --------------------------------------------------------------------------- */

static const struct word type_words[] = {
    {"config-map", CONFIGURATION_CONFIG_MAP},
    {"secret", CONFIGURATION_SECRET},
    {NULL, 0},
};
static const struct word mount_words[] = {
    {"env variable", MOUNT_ENV},
    {"file", MOUNT_FILE},
    {NULL, 0},
};

static const char files_schema[] =
    "{\"oneOf\": [{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/file\"}}, "
    "{\"type\": \"string\", \"contentMediaType\": \"application/json\"}, "
    "{\"type\": \"object\", \"additionalProperties\": {\"type\": \"string\"}}]}";

static const char entries_schema[] =
    "{\"oneOf\": [{\"type\": \"string\", \"contentMediaType\": \"application/json\"}, "
    "{\"type\": \"object\", \"additionalProperties\": {\"type\": [\"string\", \"number\", "
    "\"boolean\", \"null\"]}}]}";

/* What belongs to which mount, and a secret's texts are never values. */
static const char configuration_rules[] =
    "{\"allOf\": [{\"if\": {\"properties\": {\"mount_type\": {\"const\": \"file\"}}}, \"then\": "
    "{\"required\": [\"mount_path\"], \"properties\": {\"env_variables\": false}, \"oneOf\": "
    "[{\"required\": [\"files\"]}, {\"required\": [\"content\"]}]}, \"else\": {\"required\": "
    "[\"env_variables\"], \"properties\": {\"mount_path\": false, \"files\": false, \"content\": "
    "false}}}, {\"if\": {\"properties\": {\"type\": {\"const\": \"secret\"}}}, \"then\": "
    "{\"properties\": {\"env_variables\": {\"additionalProperties\": {\"type\": \"string\", "
    "\"pattern\": \"^[$][{][A-Za-z0-9._-]+(:[A-Za-z0-9._-]+)?[}]$\"}}}}}]}";

#define AT(member) offsetof(struct configuration, member)
static const struct field configuration_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "name; a nearer layer replaces the configuration of the same name as a whole"},
    {.name = "type",
     .kind = FIELD_WORD,
     .offset = AT(type),
     .words = type_words,
     .required = true,
     .doc = "config-map holds texts, secret names where they come from"},
    {.name = "mount_type",
     .kind = FIELD_WORD,
     .offset = AT(mount),
     .words = mount_words,
     .required = true,
     .doc = "how the component sees it"},
    {.name = "env_variables",
     .kind = FIELD_OTHER,
     .read = read_entries,
     .form = FORM_VARIABLE,
     .json_schema = entries_schema,
     .type_doc = "mapping, or a JSON object as text",
     .doc = "env variable: variables and their texts; in a secret \"${NAME}\" or \"${NAME:key}\""},
    {.name = "mount_path",
     .kind = FIELD_TEXT,
     .offset = AT(mount_path),
     .form = FORM_ABSOLUTE,
     .doc = "file: directory of the files, or the file itself where content is given"},
    {.name = "files",
     .kind = FIELD_OTHER,
     .read = read_entries,
     .form = FORM_FILE_NAME,
     .shape = &file_shape,
     .json_schema = files_schema,
     .type_doc = "list of files, a mapping from names to contents, or a JSON object as text",
     .doc = "file: file names and their contents; in a secret \"${NAME}\" or \"${NAME:key}\""},
    {.name = "content",
     .kind = FIELD_TEXT,
     .read = read_content,
     .doc = "file: content of the one file at mount_path"},
};

static void report_mount(struct decoder *decoder, const struct configuration *configuration,
                         const char *message, const char *hint)
{
    decode_report(decoder, DIAGNOSTIC_ERROR, "E_CONFIGURATION", configuration->at, hint, "%s",
                  message);
}

static void check_mount(struct decoder *decoder, const struct configuration *configuration,
                        uint64_t seen)
{
    const bool env = shape_saw(&configuration_shape, seen, "env_variables");
    const bool path = shape_saw(&configuration_shape, seen, "mount_path");
    const bool files = shape_saw(&configuration_shape, seen, "files");
    const bool content = shape_saw(&configuration_shape, seen, "content");
    if (configuration->mount == MOUNT_ENV && (!env || path || files || content))
        report_mount(decoder, configuration,
                     "a configuration of mount_type \"env variable\" has env_variables and nothing "
                     "else",
                     "files have mount_type: \"file\"");
    if (configuration->mount == MOUNT_FILE && (!path || files == content || env))
        report_mount(decoder, configuration,
                     "a configuration of mount_type \"file\" has mount_path, and files or content",
                     "variables have mount_type: \"env variable\"");
}

/* "/etc/app/rates.json" with content: the directory, and one entry with the file's name. */
static void split_path(struct decoder *decoder, struct configuration *configuration)
{
    const char *path = configuration->mount_path.text;
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    if (slash == NULL || configuration->entry_count != 1 ||
        configuration->entries[0].name.text != NULL)
        return;
    struct configuration_entry *entry = decode_array(decoder, 1, sizeof(*entry));
    if (entry == NULL)
        return;
    *entry = configuration->entries[0];
    const char *problem = form_problem(FORM_FILE_NAME, slash + 1, strlen(slash + 1));
    if (problem != NULL || slash == path) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_CONFIGURATION", configuration->mount_path.at,
                      "write the file's whole path: /etc/app/settings.json",
                      "\"mount_path\": \"%s\" names no file in a directory", path);
        configuration->entry_count = 0;
        return;
    }
    entry->name =
        (struct manifest_text){arena_text(decoder->arena, slash + 1), configuration->mount_path.at};
    configuration->mount_path.text = arena_copy(decoder->arena, path, (size_t)(slash - path));
    configuration->entries = entry;
    if (entry->name.text == NULL || configuration->mount_path.text == NULL)
        decoder->status = -ENOMEM;
}

/* "${NAME}" and "${NAME:key}". Says nothing of the value when it is something else. */
static bool read_secret_reference(struct decoder *decoder, struct configuration_entry *entry)
{
    const char *text = entry->value.text;
    const size_t length = text == NULL ? 0 : strlen(text);
    if (length < 4 || text[0] != '$' || text[1] != '{' || text[length - 1] != '}')
        return false;
    const char *name = text + 2, *end = text + length - 1;
    const char *colon = memchr(name, ':', (size_t)(end - name));
    const char *name_end = colon == NULL ? end : colon;
    entry->secret = (struct manifest_text){
        arena_copy(decoder->arena, name, (size_t)(name_end - name)), entry->value.at};
    if (colon != NULL)
        entry->secret_key = (struct manifest_text){
            arena_copy(decoder->arena, colon + 1, (size_t)(end - colon - 1)), entry->value.at};
    if (entry->secret.text == NULL || (colon != NULL && entry->secret_key.text == NULL)) {
        decoder->status = -ENOMEM;
        return true;
    }
    return form_problem(FORM_SECRET, entry->secret.text, strlen(entry->secret.text)) == NULL &&
           (colon == NULL || form_problem(FORM_SECRET, entry->secret_key.text,
                                          strlen(entry->secret_key.text)) == NULL);
}

static void finish_secret(struct decoder *decoder, struct configuration *configuration)
{
    struct configuration_entry *entries =
        decode_array(decoder, configuration->entry_count, sizeof(*entries));
    if (entries == NULL)
        return;
    for (size_t i = 0; i < configuration->entry_count; i++) {
        entries[i] = configuration->entries[i];
        if (!read_secret_reference(decoder, &entries[i]))
            decode_report(decoder, DIAGNOSTIC_ERROR, "E_SECRET_LITERAL", entries[i].value.at,
                          "write \"${NAME}\": the name of a SecretReference, or of a credential",
                          "%s: a secret's value may not stand in the repository",
                          entries[i].name.text == NULL ? "content" : entries[i].name.text);
        entries[i].value.text = NULL;
    }
    configuration->entries = entries;
}

static void finish_configuration(struct decoder *decoder, void *object,
                                 const struct yaml_node *mapping, uint64_t seen)
{
    struct configuration *configuration = object;
    (void)mapping;
    if (shape_saw(&configuration_shape, seen, "mount_type"))
        check_mount(decoder, configuration, seen);
    split_path(decoder, configuration);
    if (configuration->type == CONFIGURATION_SECRET) {
        finish_secret(decoder, configuration);
        return;
    }
    for (size_t i = 0; i < configuration->entry_count; i++) {
        const struct configuration_entry *entry = &configuration->entries[i];
        if (entry->name.text != NULL && entry->value.text != NULL)
            warn_of_secret(decoder, &entry->name, &entry->value);
    }
}

const struct shape configuration_shape = {
    .name = "configuration",
    .doc = "Values that a component sees as variables or files; a change is a new deployment",
    .size = sizeof(struct configuration),
    .fields = configuration_fields,
    .field_count = SHAPE_COUNT(configuration_fields),
    .at = AT(at),
    .json_rules = configuration_rules,
    .finish = finish_configuration,
};
#undef AT
