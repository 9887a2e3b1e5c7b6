#include "daemon/journal/table.h"

#include "config/base/splitmix.h"
#include "daemon/journal/crc.h"

#include <string.h>

static int prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);
}

int table_init(struct table *table, sqlite3 *db)
{
    *table = (struct table){.db = db};
    int result = prepare(db, "SELECT sequence, crc FROM entry WHERE key = ?1", &table->find);
    if (result == SQLITE_OK)
        result = prepare(db,
                         "INSERT INTO entry VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO UPDATE "
                         "SET sequence = ?2, value = ?3, crc = ?4",
                         &table->put);
    if (result == SQLITE_OK)
        result = prepare(db, "DELETE FROM entry WHERE key = ?1", &table->remove);
    if (result == SQLITE_OK)
        result = prepare(db, "UPDATE tally SET last_sequence = ?1, entries = ?2, mix = ?3",
                         &table->tally);
    return result;
}

void table_fini(struct table *table)
{
    (void)sqlite3_finalize(table->find);
    (void)sqlite3_finalize(table->put);
    (void)sqlite3_finalize(table->remove);
    (void)sqlite3_finalize(table->tally);
    *table = (struct table){.db = NULL};
}

/* The sequence is part of it: a row that moves to another place in the order is damage too. */
static uint32_t checksum(uint64_t sequence, const char *key, const char *value, size_t length)
{
    unsigned char number[8];
    for (size_t i = 0; i < sizeof(number); i++)
        number[i] = (unsigned char)(sequence >> (8 * i));
    uint32_t crc = crc_add(0, number, sizeof(number));
    crc = crc_add(crc, key, strlen(key) + 1);
    return crc_add(crc, value, length);
}

/* Spreads the bits, so that a sum over rows does not cancel out. */
static uint64_t mix(uint64_t sequence, uint32_t crc)
{
    uint64_t state = sequence << 32 ^ sequence >> 32 ^ crc;
    return splitmix_next(&state);
}

/* SQLite's integers are signed; the bits are ours. */
static sqlite3_int64 as_signed(uint64_t number)
{
    sqlite3_int64 result;
    memcpy(&result, &number, sizeof(result));
    return result;
}

static uint64_t column_number(sqlite3_stmt *statement, int column)
{
    return (uint64_t)sqlite3_column_int64(statement, column);
}

static int read_tally(sqlite3 *db, struct table_tally *ret_tally)
{
    sqlite3_stmt *statement = NULL;
    int result = prepare(db, "SELECT last_sequence, entries, mix FROM tally", &statement);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
            *ret_tally = (struct table_tally){
                .last_sequence = column_number(statement, 0),
                .entries = column_number(statement, 1),
                .mix = column_number(statement, 2),
            };
            result = SQLITE_OK;
        } else if (result == SQLITE_DONE) {
            result = TABLE_DAMAGED;
        }
    }
    (void)sqlite3_finalize(statement);
    return result;
}

/* One row of the reading statement: verified, added to *seen, and handed on. */
static int take_row(sqlite3_stmt *statement, struct table_tally *seen, table_row *row,
                    void *context)
{
    const uint64_t sequence = column_number(statement, 1);
    const char *key = (const char *)sqlite3_column_text(statement, 0);
    const char *value = (const char *)sqlite3_column_text(statement, 2);
    if (key == NULL || value == NULL)
        return sqlite3_errcode(sqlite3_db_handle(statement)) == SQLITE_NOMEM ? SQLITE_NOMEM
                                                                             : TABLE_DAMAGED;
    const size_t length = (size_t)sqlite3_column_bytes(statement, 2);
    if (strlen(key) != (size_t)sqlite3_column_bytes(statement, 0))
        return TABLE_DAMAGED;
    const uint32_t crc = checksum(sequence, key, value, length);
    if (column_number(statement, 3) != crc)
        return TABLE_DAMAGED;
    if (sequence > seen->last_sequence)
        seen->last_sequence = sequence;
    seen->entries++;
    seen->mix += mix(sequence, crc);
    return row(context, sequence, key, value, length);
}

int table_read(struct table *table, table_row *row, void *context)
{
    struct table_tally wanted = {.entries = 0};
    struct table_tally seen = {.entries = 0};
    int result = read_tally(table->db, &wanted);
    sqlite3_stmt *statement = NULL;
    if (result == SQLITE_OK)
        result = prepare(table->db, "SELECT key, sequence, value, crc FROM entry", &statement);
    while (result == SQLITE_OK) {
        result = sqlite3_step(statement);
        if (result == SQLITE_DONE)
            break;
        if (result == SQLITE_ROW)
            result = take_row(statement, &seen, row, context);
    }
    (void)sqlite3_finalize(statement);
    if (result != SQLITE_DONE)
        return result;
    /* The newest row may have been removed, so the tally's number may be higher. */
    if (seen.entries != wanted.entries || seen.mix != wanted.mix ||
        seen.last_sequence > wanted.last_sequence)
        return TABLE_DAMAGED;
    table->now = wanted;
    return SQLITE_OK;
}

static int finish(sqlite3_stmt *statement)
{
    const int result = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* Takes the present row of a key out of the tally. */
static int forget(struct table *table, const char *key)
{
    int result = sqlite3_bind_text(table->find, 1, key, -1, SQLITE_STATIC);
    if (result == SQLITE_OK)
        result = sqlite3_step(table->find);
    if (result == SQLITE_ROW) {
        table->now.entries--;
        table->now.mix -=
            mix(column_number(table->find, 0), (uint32_t)column_number(table->find, 1));
        result = SQLITE_DONE;
    }
    (void)sqlite3_reset(table->find);
    (void)sqlite3_clear_bindings(table->find);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

int table_put(struct table *table, const char *key, const char *value, size_t length)
{
    int result = forget(table, key);
    if (result != SQLITE_OK)
        return result;
    const uint64_t sequence = ++table->now.last_sequence;
    if (value == NULL) {
        result = sqlite3_bind_text(table->remove, 1, key, -1, SQLITE_STATIC);
        return result == SQLITE_OK ? finish(table->remove) : result;
    }
    const uint32_t crc = checksum(sequence, key, value, length);
    table->now.entries++;
    table->now.mix += mix(sequence, crc);
    result = sqlite3_bind_text(table->put, 1, key, -1, SQLITE_STATIC);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(table->put, 2, as_signed(sequence));
    if (result == SQLITE_OK)
        result = sqlite3_bind_text64(table->put, 3, value, length, SQLITE_STATIC, SQLITE_UTF8);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(table->put, 4, crc);
    return result == SQLITE_OK ? finish(table->put) : result;
}

int table_seal(struct table *table)
{
    int result = sqlite3_bind_int64(table->tally, 1, as_signed(table->now.last_sequence));
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(table->tally, 2, as_signed(table->now.entries));
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(table->tally, 3, as_signed(table->now.mix));
    return result == SQLITE_OK ? finish(table->tally) : result;
}
