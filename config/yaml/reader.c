#include "config/yaml/reader.h"

#include "config/base/arena.h"
#include "config/base/check.h"
#include "config/base/text.h"
#include "config/yaml/keys.h"
#include "config/yaml/scan.h"

#include <yaml.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A collection that is being read. */
struct frame {
    struct yaml_node *node;
    struct yaml_node *last; /* its newest entry */
};

struct reader {
    const struct yaml_source *source;
    const struct yaml_limits *limits;
    struct arena *nodes, *texts;
    struct diagnostics *found;
    yaml_parser_t parser;
    struct frame stack[YAML_DEPTH_LARGEST];
    size_t depth, node_count, document_count;
    const struct yaml_node *first;
    struct yaml_node *last;
    bool has_duplicates;
    bool has_other_bytes; /* than ASCII */
};

__attribute__((format(printf, 6, 7))) static int report(struct reader *reader, int status,
                                                        const yaml_mark_t *mark, const char *code,
                                                        const char *hint, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    (void)text_vput(message, sizeof(message), format, arguments);
    va_end(arguments);
    diagnostics_add(reader->found, &(struct diagnostic){
                                       .severity = DIAGNOSTIC_ERROR,
                                       .code = code,
                                       .at = {reader->source->path, (uint32_t)mark->line + 1,
                                              (uint32_t)mark->column + 1},
                                       .message = message,
                                       .hint = hint,
                                   });
    return status;
}

static int report_parser(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return -ENOMEM;
    const char *problem = parser->problem == NULL ? "the file is not YAML" : parser->problem;
    const yaml_mark_t *mark =
        parser->error == YAML_READER_ERROR ? &parser->mark : &parser->problem_mark;
    const char *at = reader->source->bytes;
    const size_t line_end = reader->source->length;
    /* libyaml says only that "a character" cannot start a token. */
    if (mark->index < line_end && at[mark->index] == '\t')
        return report(reader, ERR_SYNTAX, mark, "E_YAML_TAB", "indent with spaces",
                      "a tab cannot indent");
    if (parser->context != NULL)
        return report(reader, ERR_SYNTAX, mark, "E_YAML_SYNTAX", NULL, "%s (%s on line %zu)",
                      problem, parser->context, parser->context_mark.line + 1);
    return report(reader, ERR_SYNTAX, mark, "E_YAML_SYNTAX", NULL, "%s", problem);
}

static int refuse_anchor(struct reader *reader, const yaml_mark_t *mark, const yaml_char_t *name)
{
    return report(reader, ERR_SYNTAX, mark, "E_YAML_ANCHOR", "write the value out where it is used",
                  "anchors are refused (&%.40s)", (const char *)name);
}

static int refuse_tag(struct reader *reader, const yaml_mark_t *mark, const yaml_char_t *tag)
{
    return report(reader, ERR_SYNTAX, mark, "E_YAML_TAG",
                  "remove it: the schema decides the type; quote a text that begins with !",
                  "tags are refused (%.80s)", (const char *)tag);
}

/* A key stands where a mapping has an even number of entries so far. */
static bool expects_key(const struct reader *reader)
{
    if (reader->depth == 0)
        return false;
    const struct frame *frame = &reader->stack[reader->depth - 1];
    return frame->node->kind == YAML_KIND_MAPPING && frame->node->length % 2 == 0;
}

static int add_node(struct reader *reader, enum yaml_kind kind, const yaml_mark_t *mark,
                    struct yaml_node **ret_node)
{
    if (++reader->node_count > reader->limits->nodes)
        return report(reader, ERR_LIMIT, mark, "E_YAML_NODES", "split the file",
                      "the file has more than %zu values", reader->limits->nodes);
    struct yaml_node *node = arena_alloc(reader->nodes, sizeof(*node));
    if (node == NULL)
        return -ENOMEM;
    node->kind = (uint8_t)kind;
    node->line = (uint32_t)mark->line + 1;
    node->column = (uint32_t)mark->column + 1;
    if (reader->depth == 0) {
        if (reader->last == NULL)
            reader->first = node;
        else
            reader->last->next = node;
        reader->last = node;
    } else {
        struct frame *frame = &reader->stack[reader->depth - 1];
        if (frame->last == NULL)
            frame->node->first = node;
        else
            frame->last->next = node;
        frame->last = node;
        frame->node->length++;
    }
    *ret_node = node;
    return 0;
}

static int check_key(struct reader *reader, const yaml_event_t *event, bool invisible)
{
    const char *text = (const char *)event->data.scalar.value;
    const size_t length = event->data.scalar.length;
    if (length > reader->limits->key_bytes)
        return report(reader, ERR_LIMIT, &event->start_mark, "E_YAML_KEY_LENGTH", NULL,
                      "a key of %zu bytes; at most %zu are allowed", length,
                      reader->limits->key_bytes);
    if (length == 2 && memcmp(text, "<<", 2) == 0)
        return report(reader, ERR_SYNTAX, &event->start_mark, "E_YAML_MERGE",
                      "write the fields out", "merge keys (<<) are refused");
    if (length == 0)
        return report(reader, ERR_SYNTAX, &event->start_mark, "E_YAML_KEY", NULL, "an empty key");
    if (invisible)
        return report(reader, ERR_SYNTAX, &event->start_mark, "E_YAML_INVISIBLE",
                      "type the key again", "a key with invisible characters: %.200s", text);
    return 0;
}

static bool may_be_invisible(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] >= 0x80)
            return yaml_scan_has_invisible(text + i, length - i);
    }
    return false;
}

static int on_scalar(struct reader *reader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    const size_t length = event->data.scalar.length;
    const yaml_scalar_style_t style = event->data.scalar.style;
    if (event->data.scalar.anchor != NULL)
        return refuse_anchor(reader, &event->start_mark, event->data.scalar.anchor);
    if (event->data.scalar.tag != NULL)
        return refuse_tag(reader, &event->start_mark, event->data.scalar.tag);
    if (length > reader->limits->scalar_bytes)
        return report(reader, ERR_LIMIT, &event->start_mark, "E_YAML_SCALAR_LENGTH",
                      "keep long texts in a file of their own",
                      "a text of %zu bytes; at most %zu are allowed", length,
                      reader->limits->scalar_bytes);
    if (memchr(text, '\0', length) != NULL)
        return report(reader, ERR_SYNTAX, &event->start_mark, "E_YAML_NUL", "remove it",
                      "a text with the character U+0000 in it");
    /* What is not in the file's bytes can only come from an escape. */
    const bool invisible = (reader->has_other_bytes || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE) &&
                           may_be_invisible(text, length);
    const bool is_key = expects_key(reader);
    if (is_key) {
        const int status = check_key(reader, event, invisible);
        if (status < 0)
            return status;
    }
    struct yaml_node *node = NULL;
    const int status = add_node(reader, YAML_KIND_SCALAR, &event->start_mark, &node);
    if (status < 0)
        return status;
    node->plain = style == YAML_PLAIN_SCALAR_STYLE;
    node->literal = style == YAML_LITERAL_SCALAR_STYLE;
    node->invisible = invisible;
    node->length = (uint32_t)length;
    node->text = arena_copy(is_key ? reader->nodes : reader->texts, text, length);
    return node->text == NULL ? -ENOMEM : 0;
}

static int on_start(struct reader *reader, enum yaml_kind kind, const yaml_mark_t *mark,
                    const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL)
        return refuse_anchor(reader, mark, anchor);
    if (tag != NULL)
        return refuse_tag(reader, mark, tag);
    if (expects_key(reader))
        return report(reader, ERR_SYNTAX, mark, "E_YAML_KEY", "use a text as key",
                      "a key that is a mapping or a list");
    if (reader->depth >= reader->limits->depth)
        return report(reader, ERR_LIMIT, mark, "E_YAML_DEPTH", NULL,
                      "nested deeper than %zu levels", reader->limits->depth);
    struct yaml_node *node = NULL;
    const int status = add_node(reader, kind, mark, &node);
    if (status < 0)
        return status;
    reader->stack[reader->depth++] = (struct frame){.node = node};
    return 0;
}

static int on_end(struct reader *reader)
{
    CHECK(reader->depth > 0);
    struct yaml_node *node = reader->stack[--reader->depth].node;
    if (node->kind != YAML_KIND_MAPPING)
        return 0;
    node->length /= 2;
    const int duplicates = yaml_keys_check(node, reader->source->path, reader->found);
    if (duplicates < 0)
        return duplicates;
    reader->has_duplicates |= duplicates > 0;
    return 0;
}

static int on_document(struct reader *reader, const yaml_event_t *event)
{
    if (++reader->document_count > reader->limits->documents)
        return report(reader, ERR_LIMIT, &event->start_mark, "E_YAML_DOCUMENTS", "split the file",
                      "the file has more than %zu documents", reader->limits->documents);
    return 0;
}

static int on_event(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return on_document(reader, event);
    case YAML_SCALAR_EVENT:
        return on_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(reader, YAML_KIND_SEQUENCE, &event->start_mark,
                        event->data.sequence_start.anchor, event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return on_start(reader, YAML_KIND_MAPPING, &event->start_mark,
                        event->data.mapping_start.anchor, event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_end(reader);
    case YAML_ALIAS_EVENT:
        return report(reader, ERR_SYNTAX, &event->start_mark, "E_YAML_ALIAS",
                      "write the value out where it is used", "aliases are refused (*%.40s)",
                      (const char *)event->data.alias.anchor);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return 0;
    }
    CHECK_UNREACHABLE();
}

static int read_events(struct reader *reader)
{
    for (;;) {
        yaml_event_t event;
        if (yaml_parser_parse(&reader->parser, &event) == 0)
            return report_parser(reader);
        const bool ended = event.type == YAML_STREAM_END_EVENT;
        const int status = on_event(reader, &event);
        yaml_event_delete(&event);
        if (status < 0 || ended)
            return status;
    }
}

/* After an error collections are still open: what they count is not yet in pairs, and the last key
 * of a mapping may lack its value. */
static void close_open_collections(struct reader *reader)
{
    static const struct yaml_node nothing = {.kind = YAML_KIND_SCALAR, .plain = true, .text = ""};
    while (reader->depth > 0) {
        const struct frame *frame = &reader->stack[--reader->depth];
        if (frame->node->kind != YAML_KIND_MAPPING)
            continue;
        if (frame->node->length % 2 != 0)
            frame->last->next = &nothing;
        frame->node->length = (frame->node->length + 1) / 2;
    }
}

static const struct yaml_node *without_empty(const struct yaml_node *first)
{
    struct yaml_node *kept = NULL, *last = NULL;
    for (const struct yaml_node *node = first; node != NULL; node = node->next) {
        if (node->kind == YAML_KIND_SCALAR && node->plain && node->length == 0)
            continue;
        /* The nodes are ours until they are handed out. */
        union {
            const struct yaml_node *from;
            struct yaml_node *to;
        } own = {.from = node};
        if (last == NULL)
            kept = own.to;
        else
            last->next = node;
        last = own.to;
    }
    if (last != NULL)
        last->next = NULL;
    return kept;
}

static int read_documents(struct reader *reader)
{
    if (yaml_parser_initialize(&reader->parser) == 0)
        return -ENOMEM;
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    /* With its encoding given, libyaml would take the mark for a character. */
    const size_t mark = yaml_scan_mark(reader->source);
    yaml_parser_set_input_string(&reader->parser,
                                 (const unsigned char *)reader->source->bytes + mark,
                                 reader->source->length - mark);
    const int status = read_events(reader);
    yaml_parser_delete(&reader->parser);
    close_open_collections(reader);
    return status;
}

int yaml_read(const struct yaml_source *source, const struct yaml_limits *limits,
              struct arena *nodes, struct arena *texts, struct diagnostics *found,
              const struct yaml_node **ret_first)
{
    CHECK(limits->depth <= YAML_DEPTH_LARGEST);
    struct reader reader = {
        .source = source, .limits = limits, .nodes = nodes, .texts = texts, .found = found};
    const yaml_mark_t start = {0};
    *ret_first = NULL;
    if (source->length > limits->file_bytes)
        return report(&reader, ERR_LIMIT, &start, "E_YAML_FILE_SIZE", "split the file",
                      "the file has %zu bytes; at most %zu are read", source->length,
                      limits->file_bytes);
    int status = yaml_scan(source, &reader.has_other_bytes, found);
    if (status < 0)
        return status;
    status = read_documents(&reader);
    *ret_first = without_empty(reader.first);
    if (status < 0)
        return status;
    if (*ret_first == NULL)
        return report(&reader, ERR_SYNTAX, &start, "E_YAML_EMPTY",
                      "to take something away, remove the file",
                      "the file holds no document: it is taken as damaged, not as a wish for "
                      "nothing");
    return reader.has_duplicates ? ERR_INVALID : 0;
}
