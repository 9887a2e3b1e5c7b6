/* The rows in the file: written with a checksum each and a tally over all, and not believed when
 * either disagrees. Works on an open connection; blocks on the disk. */
#pragma once

#include <sqlite3.h>

#include <stddef.h>
#include <stdint.h>

/* Result for rows that are there but wrong. */
#define TABLE_DAMAGED SQLITE_CORRUPT

struct table_tally {
    uint64_t last_sequence;
    uint64_t entries;
    uint64_t mix; /* sum over the rows of a number made of sequence and checksum */
};

struct table {
    sqlite3 *db;
    sqlite3_stmt *find, *put, *remove, *tally;
    struct table_tally now;
};

/* Prepares the statements. Functions return SQLITE_OK or SQLite's extended code. */
int table_init(struct table *table, sqlite3 *db) __attribute__((warn_unused_result));
void table_fini(struct table *table);

/* Called for each row, in order of the keys. `value` is not ended by NUL. Nonzero stops and is
 * returned. */
typedef int table_row(void *context, uint64_t sequence, const char *key, const char *value,
                      size_t length);

/* Reads and verifies everything; remembers the tally. */
int table_read(struct table *table, table_row *row, void *context)
    __attribute__((warn_unused_result));

/* Inside a transaction: the new value of a key (NULL removes it). */
int table_put(struct table *table, const char *key, const char *value, size_t length)
    __attribute__((warn_unused_result));

/* Writes the tally: the last statement of a transaction. */
int table_seal(struct table *table) __attribute__((warn_unused_result));
