#include "config/manifest/document_table.h"

const struct word document_table_versions[] = {{"celld.dev/v1", 0}, {NULL, 0}};

void document_table_read_word(struct decoder *decoder, const struct field *field,
                              const struct yaml_node *key, const struct yaml_node *value,
                              void *object)
{
    int word = 0;
    (void)key;
    (void)object;
    (void)decode_word(decoder, field->name, field->words, value, &word);
}
