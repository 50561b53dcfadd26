import { describe, expect, test } from 'vitest'
import { Mask } from '../../../src/trace/secrets.js'
import { rounds } from '../../soak/rounds.js'

const masking = (environment: Record<string, string | undefined>): Mask => {
  const mask = new Mask()
  mask.learn(environment)
  return mask
}

describe('what is hidden', () => {
  test.each([
    ['GITHUB_TOKEN', 'ghp_0123456789'],
    ['DB_PASSWORD', 'correct horse'],
    ['AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG'],
    ['STRIPE_API_KEY', 'sk_live_0123'],
    ['DATABASE_URL', 'postgres://me:hunter2@db:5432/app'],
    ['npm_config__auth', 'YWxhZGRpbjpvcGVu'],
    ['DB_PASS', 'hunter2'],
    ['SMTP_PASS', 'hunter2'],
    ['SSHPASS', 'hunter2'],
    ['DB_PASS', '/Tr0ub4dor&3'],
    ['SMTP_PASSWORD', '/hunter2'],
    ['JWT', 'eyJhbGciOiJIUzI1NiJ9'],
    ['DEPLOY_CREDS', 'ada:hunter2'],
    ['SLACK_WEBHOOK_URL', 'https://hooks.example/T0/B0/x'],
    ['MYSQL_PWD', 'hunter2'],
    ['MONGO_INITDB_ROOT_PW', 'hunter2'],
    ['AWS_SECRET_ACCESS_KEY', '/JalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'],
    ['AWS_SESSION_TOKEN', '/wooIvYXdzEJr+2fGh4Ab9cD=='],
    [
      'AZURE_STORAGE_CONNECTION_STRING',
      'DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abcdefgh==;EndpointSuffix=y',
    ],
    ['STORAGE', 'AccountName=x;AccountKey=abcdefgh=='],
    ['BUS', 'Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=abcdefgh='],
    ['MSSQL', 'Server=db;User Id=sa;Password=hunter2;'],
    ['SENTRY_DSN', 'https://0123456789@sentry.example/1'],
  ])('%s', (name, value) => {
    expect(masking({ [name]: value }).hide(`curl -H "X: ${value}" ${value}`)).toBe(`curl -H "X: $${name}" $${name}`)
  })

  test.each([
    ['PATH', '/usr/local/bin:/usr/bin'],
    ['SSH_AUTH_SOCK', '/tmp/ssh-agent/socket'],
    ['GIT_AUTHOR_NAME', 'Ada Lovelace'],
    ['HOMEPAGE_URL', 'https://example.com/a:b/c@d'],
    ['MONKEY', 'banana split'],
    ['PWD', '/home/ada/project'],
    ['DB_PASS', '/run/secrets/db'],
    ['OLDPWD', '/home/ada/project'],
    ['GOOGLE_APPLICATION_CREDENTIALS', '/home/ada/keys/google.json'],
    ['SSH_PRIVATE_KEY_FILE', '/home/Ada/Keys/Private1/id_rsa'],
    ['COMPASS_COLOUR', 'bright red'],
    ['KEYBOARD', 'dvorak-us'],
    ['CI_TOKEN', 'short'],
    ['EMPTY_SECRET', ''],
  ])('not %s', (name, value) => {
    expect(masking({ [name]: value, OTHER_TOKEN: undefined }).hide(`run ${value}`)).toBe(`run ${value}`)
  })

  test('if one secret is a part of another, the longer one comes first', () => {
    const mask = masking({ A_TOKEN: 'secret', B_TOKEN: 'secret-and-more' })
    expect(mask.hide('secret-and-more secret')).toBe('$B_TOKEN $A_TOKEN')
  })

  test('secrets that are learned later, too', () => {
    const mask = masking({ A_TOKEN: 'the first' })
    expect(mask.isNeededFor(Buffer.from('the second'))).toBe(false)
    mask.learn({ B_TOKEN: 'the second' })
    expect(mask.isNeededFor(Buffer.from('the second'))).toBe(true)
    expect(mask.hide('the first, the second')).toBe('$A_TOKEN, $B_TOKEN')
  })
})

const commandOf = (command: string): string => {
  const mask = new Mask()
  mask.learnCommand(command)
  return mask.hideInCommand(command)
}

test.each([
  ['psql postgres://me:hunter2@db:5432/app', 'psql postgres://me:$PASSWORD@db:5432/app'],
  ["curl 'https://me:pw@host/x' https://host/y", "curl 'https://me:$PASSWORD@host/x' https://host/y"],
  ['redis-cli -u redis://:hunter2@db', 'redis-cli -u redis://:$PASSWORD@db'],
  [
    'git clone https://x-access-token:ghp_0123@github.com/a/b.git',
    'git clone https://x-access-token:$PASSWORD@github.com/a/b.git',
  ],
  ['app --password hunter2 --port 3', 'app --password $SECRET --port 3'],
  ["app --api-key=0123456 --token='a b' x", 'app --api-key=$SECRET --token=$SECRET x'],
  ["curl -H 'Authorization: Bearer 0123456' x", "curl -H 'Authorization: Bearer $SECRET' x"],
  [
    'az --connection-string "AccountName=x;AccountKey=abcdefgh=="',
    'az --connection-string "AccountName=x;AccountKey=$SECRET"',
  ],
  ['env PGPASSWORD=hunter2 psql', 'env PGPASSWORD=$PGPASSWORD psql'],
  ["sh -c 'DB_PASS=/hunter2 app'", "sh -c 'DB_PASS=$DB_PASS app'"],
  ['env PASS=ab PORT=3000 KEY_FILE=/a/b app', 'env PASS=$SECRET PORT=3000 KEY_FILE=/a/b app'],
  ['curl -u ada:hunter2 https://x', 'curl -u ada:$PASSWORD https://x'],
  ['docker run -u 1000:1000 x', 'docker run -u 1000:1000 x'],
  ['mysql -h db -phunter2 app', 'mysql -h db -p$PASSWORD app'],
  ["sh -c 'mysqldump -pab app | gzip'", "sh -c 'mysqldump -p$PASSWORD app | gzip'"],
  ['sshpass -p hunter2 ssh host', 'sshpass -p $PASSWORD ssh host'],
  ['redis-cli -h db -a hunter2 ping', 'redis-cli -h db -a $PASSWORD ping'],
  ['mysql --protocol=tcp -P 3306 -u ada', 'mysql --protocol=tcp -P 3306 -u ada'],
  ['mkdir -p folder', 'mkdir -p folder'],
  ['app --auth=0123456', 'app --auth=$SECRET'],
  ['app --auth digest', 'app --auth digest'],
  [`curl -d '{"user":"ada","password": "hunter2"}' x`, `curl -d '{"user":"ada","password": "$SECRET"}' x`],
  ['aws configure set k AKIAIOSFODNN7EXAMPLE', 'aws configure set k $SECRET'],
  ["curl -H 'X-Api-Key: 0123456' x", "curl -H 'X-Api-Key: $SECRET' x"],
  ["curl 'https://x/?a=1&access_token=0123456&b=2'", "curl 'https://x/?a=1&access_token=$SECRET&b=2'"],
  ['git clone https://ghp_0123456789abcdefghij@github.com/a', 'git clone https://$SECRET@github.com/a'],
  ['node --tokenise x --pass-through y --no-token --help', 'node --tokenise x --pass-through y --no-token --help'],
  ["node -e 'const secret = process.env.X; f(secret)'", "node -e 'const secret = process.env.X; f(secret)'"],
  ['curl https://example.com:8080/a@b', 'curl https://example.com:8080/a@b'],
])('of a command line: %s', (command, shown) => {
  expect(commandOf(command)).toBe(shown)
})

test('secrets in a command line or a URL are hidden in output, too', () => {
  const mask = masking({ DATABASE_URL: 'postgres://me:correct%20horse@db/app' })
  mask.learnCommand('app --password hunter2 https://me:another1@host/')

  expect(mask.hide('hunter2 another1 correct horse correct%20horse')).toBe(
    '$SECRET $PASSWORD $DATABASE_URL $DATABASE_URL',
  )
  expect(mask.hide('connects to amqp://guest:unknown@mq/')).toBe('connects to amqp://guest:$PASSWORD@mq/')
  expect(mask.isNeededFor(Buffer.from('amqp://guest:unknown@mq/'))).toBe(true)
  expect(mask.isNeededFor(Buffer.from('amqp://mq/ --token x'))).toBe(false)
  expect(mask.hide('  --token TOKEN  the token')).toBe('  --token TOKEN  the token')
})

test.each([
  ['{"apiKey":"0123456","port":3000}', '{"apiKey":"$SECRET","port":3000}'],
  [String.raw`{\"token\":\"0123456\"}`, String.raw`{\"token\":\"$SECRET\"}`],
  ['key AKIAIOSFODNN7EXAMPLE.', 'key $SECRET.'],
  [`pushed by ghp_${'0aB1'.repeat(9)}`, 'pushed by $SECRET'],
  [`eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVm`, '$SECRET'],
  [
    '{"tokens":12,"keyboard":"dvorak"} npm_config_cache=/x TASIA',
    '{"tokens":12,"keyboard":"dvorak"} npm_config_cache=/x TASIA',
  ],
])('in output: %s', (output, shown) => {
  const mask = new Mask()
  expect(mask.hide(output)).toBe(shown)
  expect(mask.isNeededFor(Buffer.from(output))).toBe(output !== shown)
})

test('secrets in a picture are hidden, too', () => {
  expect(masking({ A_TOKEN: 'a <b> & c' }).hideInPicture('<text>a\u00a0&lt;b&gt;\u00a0&amp;\u00a0c</text>')).toBe(
    '<text>$A_TOKEN</text>',
  )
})

test('a long text takes time in proportion to its length', () => {
  const mask = new Mask()
  const length = rounds(1_000_000, 200_000)
  for (const part of [
    '://',
    '://a:',
    'Password=',
    '--token ',
    'authorization: ',
    ';Secret=',
    '?token=',
    'x-key: ',
    'A=',
    'curl -u a:',
    'mysql -p',
    '"token":"',
    'eyJeyJeyJeyJ.',
  ]) {
    mask.hideInCommand(part.repeat(length / part.length))
  }
  expect(mask.isNeededFor(Buffer.from('://'.repeat(length / 3)))).toBe(false)
})
