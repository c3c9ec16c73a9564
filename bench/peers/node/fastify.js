// fastify with rate-limiter-flexible: a key looked up in Redis, a limit a second and one a month, headers.
// Commands of one turn of the loop go to Redis together.
const { createHash } = require('node:crypto')
const fastify = require('fastify')({ logger: false })
const { Redis } = require('ioredis')
const { RateLimiterRedis } = require('rate-limiter-flexible')

const redis = new Redis(process.env.REDIS_URL, { enableAutoPipelining: true })
const limit = (points, duration, keyPrefix) =>
  new RateLimiterRedis({ storeClient: redis, points, duration, keyPrefix })
const second = limit(100000, 1, 's')
const month = limit(1000000000, 2592000, 'm')

fastify.post('/v1/keys/verify', async (request, reply) => {
  const digest = createHash('sha256').update(request.body.key).digest('hex')
  const account = await redis.get('peer:' + digest)
  if (account === null) return reply.code(401).send({ valid: false, code: 'NOT_FOUND' })
  try {
    const [short, long] = await Promise.all([second.consume(account), month.consume(account)])
    reply.header('X-RateLimit-Remaining', short.remainingPoints)
    return { valid: true, code: 'VALID', account_id: account, left: long.remainingPoints }
  } catch (refused) {
    return reply.code(429).send({ valid: false, code: 'RATE_LIMITED' })
  }
})

fastify.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
