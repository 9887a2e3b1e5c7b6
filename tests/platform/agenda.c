/* Pending controller work, ordered by time and, within one instant, by the order of its making. A
 * replaced or cancelled entry stays in the heap and is skipped when its turn comes. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdlib.h>

static bool is_before(const struct task *a, const struct task *b)
{
    return a->due < b->due || (a->due == b->due && a->sequence < b->sequence);
}

static void sift_up(struct task *tasks, size_t i)
{
    while (i > 0) {
        const size_t parent = (i - 1) / 2;
        if (!is_before(&tasks[i], &tasks[parent]))
            return;
        const struct task swap = tasks[i];
        tasks[i] = tasks[parent];
        tasks[parent] = swap;
        i = parent;
    }
}

static void sift_down(struct task *tasks, size_t count)
{
    size_t i = 0;
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
            if (is_before(&tasks[child], &tasks[least]))
                least = child;
        if (least == i)
            return;
        const struct task swap = tasks[i];
        tasks[i] = tasks[least];
        tasks[least] = swap;
        i = least;
    }
}

void agenda_set(struct platform *p, struct object *o, enum slot slot, int64_t due)
{
    if (o->gone)
        return;
    p->tasks = values_grow(p->tasks, &p->task_capacity, p->task_count + 1, sizeof(*p->tasks));
    const uint64_t sequence = ++p->sequence;
    p->tasks[p->task_count] =
        (struct task){.due = due, .sequence = sequence, .object = o, .slot = slot};
    store_ref(o);
    o->slot[slot] = sequence;
    o->slot_due[slot] = due;
    sift_up(p->tasks, p->task_count++);
}

void agenda_sooner(struct platform *p, struct object *o, enum slot slot, int64_t due)
{
    if (o->slot[slot] == 0 || o->slot_due[slot] > due)
        agenda_set(p, o, slot, due);
}

void agenda_cancel(struct object *o, enum slot slot)
{
    o->slot[slot] = 0;
}

static bool is_live(const struct task *task)
{
    return !task->object->gone && task->object->slot[task->slot] == task->sequence;
}

static void drop_first(struct platform *p)
{
    store_unref(p->tasks[0].object);
    p->tasks[0] = p->tasks[--p->task_count];
    sift_down(p->tasks, p->task_count);
}

bool agenda_pop(struct platform *p, int64_t until, struct object **ret_object, enum slot *ret_slot)
{
    while (p->task_count > 0 && p->tasks[0].due <= until) {
        const struct task task = p->tasks[0];
        if (!is_live(&task)) {
            drop_first(p);
            continue;
        }
        p->now_ms = task.due > p->now_ms ? task.due : p->now_ms;
        task.object->slot[task.slot] = 0;
        store_ref(task.object);
        drop_first(p);
        *ret_object = task.object;
        *ret_slot = task.slot;
        return true;
    }
    return false;
}

int64_t agenda_next(const struct platform *p)
{
    /* The heap's root may be stale; what is due then is nothing, which costs a caller one empty
     * step and no more. */
    return p->task_count == 0 ? INT64_MAX : p->tasks[0].due;
}

void agenda_fini(struct platform *p)
{
    while (p->task_count > 0)
        drop_first(p);
    free(p->tasks);
}
