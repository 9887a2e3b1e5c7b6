#include "daemon/analysis/count.h"

#include "config/base/json.h"
#include "config/base/owned.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *count_pair(const struct tally *tally)
{
    if (tally->state != TALLY_COUNTED)
        return json_null();
    return json_pack("{s:f, s:f}", "requests", tally->requests, "bad", tally->bad);
}

/* --- buckets -------------------------------------------------------------------------------- */

struct bucket {
    double edge, count;
};

static int by_edge(const void *left, const void *right)
{
    const struct bucket *a = left, *b = right;
    return (a->edge > b->edge) - (a->edge < b->edge);
}

static json_t *bucket_json(const struct bucket *bucket, double per_second)
{
    if (isinf(bucket->edge))
        return json_pack("{s:n, s:f}", "le", "count", bucket->count);
    return json_pack("{s:f, s:f}", "le", bucket->edge / per_second, "count", bucket->count);
}

/* False when the vector is no histogram. */
static bool read_buckets(const struct samples *vector, struct bucket *buckets)
{
    for (size_t i = 0; i < vector->count; i++) {
        buckets[i].count = vector->series[i].samples[0].value;
        if (!tally_is_count(buckets[i].count) ||
            !tally_edge(series_label(&vector->series[i], "le"), &buckets[i].edge))
            return false;
    }
    qsort(buckets, vector->count, sizeof(*buckets), by_edge);
    for (size_t i = 1; i < vector->count; i++) {
        if (buckets[i].edge <= buckets[i - 1].edge)
            return false;
        /* Extrapolation may bend them a little. */
        if (buckets[i].count < buckets[i - 1].count)
            buckets[i].count = buckets[i - 1].count;
    }
    return vector->count > 1 && isinf(buckets[vector->count - 1].edge);
}

json_t *count_edges(const struct samples *vector, double per_second)
{
    struct bucket *buckets = calloc(vector->count + 1, sizeof(*buckets));
    json_t *list = NULL;
    if (buckets != NULL && !read_buckets(vector, buckets)) {
        list = json_null();
    } else if (buckets != NULL) {
        list = json_array();
        for (size_t i = 0; list != NULL && i < vector->count; i++) {
            if (json_array_append_new(list, bucket_json(&buckets[i], per_second)) < 0) {
                json_decref(list);
                list = NULL;
            }
        }
    }
    free(buckets);
    return list;
}

/* --- replicas ------------------------------------------------------------------------------- */

struct grid {
    double (*cells)[2]; /* row by row */
    int64_t *rows;      /* times, rising */
    const char **replicas;
    size_t row_count, replica_count;
};

static int by_time(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* False when there are more rows than there may be. */
static bool find_rows(const struct samples *requests, struct grid *grid)
{
    for (size_t i = 0; i < requests->count; i++) {
        for (size_t j = 0; j < requests->series[i].count; j++) {
            const int64_t at = requests->series[i].samples[j].at_ms;
            size_t k = 0;
            while (k < grid->row_count && grid->rows[k] != at)
                k++;
            if (k == COUNT_ROWS_LIMIT)
                return false;
            if (k == grid->row_count)
                grid->rows[grid->row_count++] = at;
        }
    }
    qsort(grid->rows, grid->row_count, sizeof(*grid->rows), by_time);
    return true;
}

static size_t replica_of(const struct grid *grid, const char *name)
{
    size_t i = 0;
    while (i < grid->replica_count && strcmp(grid->replicas[i], name) != 0)
        i++;
    return i;
}

/* Adds the matrix's values to the cells' member `column`; what has no cell is left out. */
static void fill(struct grid *grid, const struct samples *matrix, const char *replica, int column)
{
    for (size_t i = 0; i < matrix->count; i++) {
        const struct series *series = &matrix->series[i];
        const size_t at = replica_of(grid, series_label(series, replica));
        if (at == grid->replica_count)
            continue;
        for (size_t j = 0; j < series->count; j++) {
            const int64_t *row = bsearch(&series->samples[j].at_ms, grid->rows, grid->row_count,
                                         sizeof(*grid->rows), by_time);
            if (row != NULL && tally_is_count(series->samples[j].value))
                grid->cells[(size_t)(row - grid->rows) * grid->replica_count + at][column] +=
                    series->samples[j].value;
        }
    }
}

static json_t *grid_json(const struct grid *grid)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < grid->row_count; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < grid->replica_count; j++) {
            const double *cell = grid->cells[i * grid->replica_count + j];
            /* Extrapolated one by one: the bad ones may come out as more than all. */
            const double bad = cell[1] > cell[0] ? cell[0] : cell[1];
            json_array_append_new(row, json_pack("[f, f]", cell[0], bad));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

json_t *count_replicas(const struct samples *requests, const struct samples *bad,
                       const char *replica)
{
    int64_t rows[COUNT_ROWS_LIMIT];
    const char *replicas[COUNT_REPLICAS_LIMIT];
    struct grid grid = {.rows = rows, .replicas = replicas};
    for (size_t i = 0; i < requests->count; i++) {
        const char *name = series_label(&requests->series[i], replica);
        if (name[0] == '\0' || replica_of(&grid, name) < grid.replica_count)
            continue;
        if (grid.replica_count == COUNT_REPLICAS_LIMIT)
            return json_null();
        replicas[grid.replica_count++] = name;
    }
    if (grid.replica_count == 0 || !find_rows(requests, &grid) || grid.row_count == 0)
        return json_null();
    grid.cells = calloc(grid.row_count * grid.replica_count, sizeof(*grid.cells));
    if (grid.cells == NULL)
        return NULL;
    fill(&grid, requests, replica, 0);
    fill(&grid, bad, replica, 1);
    json_t *list = grid_json(&grid);
    free(grid.cells);
    return list;
}
