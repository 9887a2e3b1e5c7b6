#include "config/manifest/component_file_settings.h"

#include "config/base/arena.h"
#include "config/manifest/component_file_model.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Choreo's names may have capitals, spaces and _; OpenChoreo's may not. */
void component_file_read_name(struct decoder *decoder, const struct field *field,
                              const struct yaml_node *key, const struct yaml_node *value,
                              void *object)
{
    struct manifest_text *name = (struct manifest_text *)(void *)((char *)object + field->offset);
    (void)key;
    if (!decode_text(decoder, field, value, name))
        return;
    char *own = arena_text(decoder->arena, name->text);
    for (char *c = own; c != NULL && *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
        else if (*c == '_' || *c == ' ')
            *c = '-';
    }
    const char *problem = own == NULL ? NULL : form_problem(FORM_LABEL, own, strlen(own));
    if (own == NULL)
        decoder->status = -ENOMEM;
    else if (problem != NULL)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_FORM", name->at, form_doc(FORM_LABEL),
                      "\"%s\": \"%.200s\" %s", field->name, name->text, problem);
    else if (strcmp(own, name->text) != 0)
        decode_report(decoder, DIAGNOSTIC_NOTE, "N_NAME", name->at, NULL,
                      "\"%.200s\" is called %s here", name->text, own);
    name->text = problem == NULL ? own : NULL;
}

/* --- variables and files ---------------------------------------------------------------------- */

void component_file_pass_over(struct decoder *decoder, const struct field *field,
                              const struct yaml_node *key, const struct yaml_node *value,
                              void *object)
{
    (void)object;
    (void)value;
    decode_report(decoder, DIAGNOSTIC_WARNING, "W_PASSED_OVER", decode_place(decoder, key),
                  "say it in cell.yaml, if it is needed",
                  "\"%s\" of .choreo/component.yaml is passed over", field->name);
}

static void take_anything(struct decoder *decoder, const struct field *field,
                          const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct file_setting *setting = object;
    (void)decoder;
    (void)field;
    (void)key;
    (void)value;
    setting->asked = true;
}

#define AT(member) offsetof(struct file_setting, member)
static const struct field connection_ref_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(connection),
     .read = component_file_read_name,
     .form = FORM_SOME,
     .required = true,
     .doc = "name of the connection"},
    {.name = "key",
     .kind = FIELD_TEXT,
     .offset = AT(key),
     .form = FORM_SOME,
     .required = true,
     .doc = "what of it: ServiceURL; a connection has nothing else here"},
};
static const struct shape connection_ref_shape = {
    .name = "connectionRef",
    .doc = "A connection's value",
    .size = sizeof(struct file_setting),
    .fields = connection_ref_fields,
    .field_count = SHAPE_COUNT(connection_ref_fields),
};
static const struct field value_from_fields[] = {
    {.name = "connectionRef",
     .kind = FIELD_MAPPING,
     .shape = &connection_ref_shape,
     .doc = "a connection's value"},
    {.name = "configForm",
     .kind = FIELD_OTHER,
     .read = take_anything,
     .json_schema = "{}",
     .type_doc = "anything",
     .doc = "a form at Choreo; give the variable in cell.yaml"},
    {.name = "configGroupRef",
     .kind = FIELD_OTHER,
     .read = take_anything,
     .json_schema = "{}",
     .type_doc = "anything",
     .doc = "a configuration group at Choreo; give the variable in cell.yaml"},
};
static const struct shape value_from_shape = {
    .name = "valueFrom",
    .doc = "Where a variable's value comes from",
    .size = sizeof(struct file_setting),
    .fields = value_from_fields,
    .field_count = SHAPE_COUNT(value_from_fields),
};
static const struct field setting_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_VARIABLE,
     .required = true,
     .doc = "the variable"},
    {.name = "value", .kind = FIELD_TEXT, .offset = AT(value), .doc = "its text"},
    {.name = "valueFrom",
     .kind = FIELD_MAPPING,
     .shape = &value_from_shape,
     .doc = "where its text comes from"},
};
static const struct shape setting_shape = {
    .name = "component file setting",
    .doc = "A variable of the component",
    .size = sizeof(struct file_setting),
    .fields = setting_fields,
    .field_count = SHAPE_COUNT(setting_fields),
    .at = AT(at),
};
#undef AT

#define AT(member) offsetof(struct file_settings, member)
static const struct field settings_fields[] = {
    {.name = "env",
     .kind = FIELD_LIST,
     .offset = AT(items),
     .extra = AT(count),
     .shape = &setting_shape,
     .unique = true,
     .min = 0,
     .max = 200,
     .doc = "variables"},
    {.name = "file",
     .kind = FIELD_OTHER,
     .read = component_file_pass_over,
     .json_schema = "{}",
     .type_doc = "anything",
     .doc = "files that forms at Choreo fill in; celld passes them over with a warning"},
};
const struct shape component_file_settings_shape = {
    .name = "component file settings",
    .doc = "Variables and files of the component",
    .size = sizeof(struct file_settings),
    .fields = settings_fields,
    .field_count = SHAPE_COUNT(settings_fields),
};
#undef AT
