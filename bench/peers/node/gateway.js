// express-gateway before the API that UPSTREAM names: key-auth, a limit a second and one a month, in Redis.
// It makes PEER_KEYS keys of its own and writes them into the file PEER_FILE.
const fs = require('node:fs')
const path = require('node:path')

const folder = process.env.PEER_FOLDER
const models = path.join(path.dirname(require.resolve('express-gateway')), 'config', 'models')
fs.cpSync(models, path.join(folder, 'models'), { recursive: true })
const redis = new URL(process.env.REDIS_URL)
const limits = (windowMs, max) => ({
  action: { max, windowMs, delayAfter: 0, delayMs: 0, rateLimitBy: '${req.user.id}:' + windowMs }
})
fs.writeFileSync(path.join(folder, 'system.config.json'), JSON.stringify({
  db: { redis: { host: redis.hostname, port: Number(redis.port), password: redis.password, keyPrefix: 'EG:' } },
  crypto: { cipherKey: 'of the bench', algorithm: 'aes256', saltRounds: 10 },
  session: { secret: 'of the bench', resave: false, saveUninitialized: false },
  accessTokens: { timeToExpiry: 7200000 },
  refreshTokens: { timeToExpiry: 7200000 },
  authorizationCodes: { timeToExpiry: 300000 }
}))
fs.writeFileSync(path.join(folder, 'gateway.config.json'), JSON.stringify({
  http: { port: Number(process.env.PORT), hostname: '127.0.0.1' },
  apiEndpoints: { api: { host: '*', paths: '/*' } },
  serviceEndpoints: { api: { url: process.env.UPSTREAM } },
  policies: ['key-auth', 'rate-limit', 'proxy'],
  pipelines: {
    api: {
      apiEndpoints: ['api'],
      policies: [
        { 'key-auth': [{ action: { apiKeyHeader: 'X-API-Key', disableHeadersScheme: true } }] },
        { 'rate-limit': [limits(1000, 100000), limits(2592000000, 1000000000)] },
        { proxy: [{ action: { serviceEndpoint: 'api' } }] }
      ]
    }
  }
}))
process.env.EG_CONFIG_DIR = folder
process.env.EG_DISABLE_CONFIG_WATCH = 'true'
process.env.LOG_LEVEL = 'error'
const gateway = require('express-gateway')
const services = require('express-gateway/lib/services')

async function main () {
  const user = { username: 'bench' + process.pid, firstname: 'B', lastname: 'B', email: 'b@example.com' }
  const { id } = await services.user.insert(user)
  const made = []
  for (let number = 0; number < Number(process.env.PEER_KEYS); number++) {
    const key = await services.credential.insertCredential(id, 'key-auth', {})
    made.push(key.keyId + ':' + key.keySecret)
  }
  fs.writeFileSync(process.env.PEER_FILE, made.join('\n') + '\n')
  await gateway().load(folder).run()
}

main().catch(problem => { console.error(problem); process.exit(1) })
