#include "tests/simulation/chance.h"

#include "config/base/splitmix.h"

uint64_t chance_next(struct chance *chance)
{
    return splitmix_next(&chance->state);
}

struct chance chance_stream(uint64_t seed, uint64_t stream)
{
    struct chance chance = {seed * UINT64_C(0x2545f4914f6cdd1d) + stream};
    chance.state = chance_next(&chance) ^ stream;
    return chance;
}

unsigned chance_below(struct chance *chance, unsigned limit)
{
    return limit == 0 ? 0 : (unsigned)(chance_next(chance) % limit);
}

int64_t chance_between(struct chance *chance, int64_t low, int64_t high)
{
    return low + (int64_t)(chance_next(chance) % (uint64_t)(high - low + 1));
}

bool chance_percent(struct chance *chance, unsigned percent)
{
    return chance_below(chance, 100) < percent;
}
