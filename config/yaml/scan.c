#include "config/yaml/scan.h"

#include "config/base/error.h"
#include "config/base/text.h"
#include "config/base/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct scan {
    const struct yaml_source *source;
    size_t at, line_start;
    uint32_t line;
};

static int report(const struct scan *scan, struct diagnostics *found, const char *code,
                  const char *message, const char *hint)
{
    uint32_t column = 1;
    for (size_t i = scan->line_start; i < scan->at; i++)
        column += ((unsigned char)scan->source->bytes[i] & 0xC0) != 0x80;
    diagnostics_add(found, &(struct diagnostic){
                               .severity = DIAGNOSTIC_ERROR,
                               .code = code,
                               .at = {scan->source->path, scan->line, column},
                               .message = message,
                               .hint = hint,
                           });
    return ERR_SYNTAX;
}

/* Everything that is neither a printable ASCII character nor a line's end. */
static int check_special(struct scan *scan, struct diagnostics *found)
{
    const unsigned char *bytes = (const unsigned char *)scan->source->bytes + scan->at;
    const size_t left = scan->source->length - scan->at;
    if (bytes[0] < 0x80) {
        char message[96];
        if (bytes[0] == '\r' && left > 1 && bytes[1] == '\n') {
            scan->at++;
            return 0;
        }
        if (bytes[0] == '\r')
            return report(scan, found, "E_YAML_LINE_BREAK",
                          "a carriage return without a line feed is no line's end",
                          "end lines with LF or CR LF");
        (void)text_put(message, sizeof(message), "control character U+%04X in the file",
                       (unsigned)bytes[0]);
        return report(scan, found, "E_YAML_CHARACTER", message, "remove it");
    }
    uint32_t point = 0;
    const size_t size = utf8_read((const char *)bytes, left, &point);
    if (size == 0)
        return report(scan, found, "E_YAML_ENCODING", "the file is not valid UTF-8",
                      "save it as UTF-8");
    if (point == 0x85)
        return report(scan, found, "E_YAML_LINE_BREAK",
                      "the character U+0085 (next line) is no line's end",
                      "end lines with LF or CR LF");
    if (point < 0xA0 || point == 0xFFFE || point == 0xFFFF || point == 0xFEFF || point == 0x2028 ||
        point == 0x2029) {
        char message[96];
        (void)text_put(message, sizeof(message), "character U+%04X is not allowed here", point);
        return report(scan, found, "E_YAML_CHARACTER", message, "remove it");
    }
    scan->at += size;
    return 0;
}

/* A mark of UTF-16 or UTF-32 at the start, or the pattern of their first character. */
static bool is_other_encoding(const unsigned char *bytes, size_t length)
{
    if (length >= 2 &&
        ((bytes[0] == 0xFE && bytes[1] == 0xFF) || (bytes[0] == 0xFF && bytes[1] == 0xFE)))
        return true;
    return length >= 2 && ((bytes[0] == 0 && bytes[1] != 0) || (bytes[0] != 0 && bytes[1] == 0) ||
                           (length >= 4 && bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 0xFE));
}

/* Whether all bytes are line ends or between space and ~, and none is %: eight at a time. A wrong
 * no costs only time. */
static bool is_plain(const unsigned char *bytes, size_t length)
{
    const uint64_t high = UINT64_C(0x8080808080808080), ones = UINT64_C(0x0101010101010101);
    uint64_t odd = 0;
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= length; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof(word));
        /* Line feeds become asterisks. */
        const uint64_t feeds = word ^ (ones * '\n');
        word |= (~(((feeds & ~high) + ~high) | feeds) & high) >> 2;
        odd |= word | (word - ones * ' ') | (word + ones);
    }
    bool other = (odd & high) != 0;
    for (; at < length; at++)
        other |= bytes[at] != '\n' && (bytes[at] < ' ' || bytes[at] > '~');
    return !other && memchr(bytes, '%', length) == NULL;
}

size_t yaml_scan_mark(const struct yaml_source *source)
{
    return source->length >= 3 && memcmp(source->bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

int yaml_scan(const struct yaml_source *source, bool *ret_has_other, struct diagnostics *found)
{
    struct scan scan = {.source = source, .line = 1};
    const unsigned char *bytes = (const unsigned char *)source->bytes;
    if (is_other_encoding(bytes, source->length))
        return report(&scan, found, "E_YAML_ENCODING", "the file is UTF-16 or UTF-32, not UTF-8",
                      "save it as UTF-8");
    scan.at = scan.line_start = yaml_scan_mark(source);
    if (is_plain(bytes + scan.at, source->length - scan.at))
        return 0;
    bool line_begins = true;
    while (scan.at < source->length) {
        const unsigned char c = bytes[scan.at];
        if (line_begins && c == '%')
            return report(&scan, found, "E_YAML_DIRECTIVE", "directives (%YAML, %TAG) are refused",
                          "remove the line; a text that begins with % goes in quotes");
        line_begins = false;
        if (c == '\n') {
            scan.line++;
            scan.line_start = ++scan.at;
            line_begins = true;
        } else if ((c >= 0x20 && c < 0x7F) || c == '\t') {
            scan.at++;
        } else {
            *ret_has_other |= c >= 0x80;
            if (check_special(&scan, found) < 0)
                return ERR_SYNTAX;
        }
    }
    return 0;
}

static bool is_invisible(uint32_t point)
{
    return point == 0xA0 || point == 0xAD || point == 0x61C || point == 0x180E ||
           (point >= 0x200B && point <= 0x200F) || (point >= 0x202A && point <= 0x202E) ||
           (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF ||
           (point >= 0xE0000 && point <= 0xE007F);
}

bool yaml_scan_has_invisible(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = 0; i < length;) {
        uint32_t point = bytes[i];
        const size_t size = point < 0x80 ? 1 : utf8_read(text + i, length - i, &point);
        if (is_invisible(point))
            return true;
        i += size == 0 ? 1 : size;
    }
    return false;
}
