/* The journal's file: opened with every precaution, written in transactions, kept aside when it is
 * damaged. Used by one thread at a time; everything blocks on the disk. */
#pragma once

#include "config/base/error.h"
#include "daemon/journal/journal.h"
#include "daemon/journal/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

struct store_change {
    const char *key;
    const char *value; /* NULL removes the key */
    size_t length;
};

struct store_row {
    uint64_t sequence;
    char *key;
    json_t *value;
};

/* What store_open() found; owned by the caller. */
struct store_found {
    bool fresh, checked;
    enum journal_adopt adopt;
    char *kept_aside;
    char instance[33];
    struct store_row *rows; /* by sequence */
    size_t row_count, row_capacity;
};
void store_found_fini(struct store_found *found);

/* Copies what it needs; `schema` is kept. Opens nothing. */
int store_new(const struct journal_options *options, const struct schema *schema,
              struct store **ret_store, struct error *err) __attribute__((warn_unused_result));
struct store *store_free(struct store *store);

/* Errors as for journal_opened. A damaged file is no error: it is kept aside and a new one made.
 * *ret_found must be given to store_found_fini() in every case. */
int store_open(struct store *store, struct store_found *ret_found, struct error *err)
    __attribute__((warn_unused_result));

/* One transaction. After a failure the store is closed. */
int store_begin(struct store *store, struct error *err) __attribute__((warn_unused_result));
int store_put(struct store *store, const struct store_change *change, struct error *err)
    __attribute__((warn_unused_result));
int store_commit(struct store *store, struct error *err) __attribute__((warn_unused_result));

int store_adopted(struct store *store, struct error *err) __attribute__((warn_unused_result));

/* Folds the log back into the file and gives free pages back. */
void store_fold(struct store *store);

bool store_is_open(const struct store *store);
uint64_t store_file_bytes(const struct store *store);
/* Folds the log back; the lock is kept until store_free(). */
void store_close(struct store *store);
