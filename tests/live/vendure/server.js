// A Vendure server on loopback, in memory and empty but for what a shop needs to sell: countries, taxes, shipping, a
// payment that always works, and a folder for pictures. Prints READY when it listens.
//
// LIVE_PORT, LIVE_PASSWORD  where it listens, and its administrator's password
// LIVE_STATE                a folder of its own
'use strict';

require('reflect-metadata');
const path = require('node:path');
const { AssetServerPlugin } = require('@vendure/asset-server-plugin');
const { DefaultJobQueuePlugin, DefaultLogger, JobQueueService, LogLevel, bootstrap, dummyPaymentHandler } = require('@vendure/core');
const { populateInitialData } = require('@vendure/core/cli');

const { LIVE_PORT, LIVE_PASSWORD, LIVE_STATE } = process.env;

const config = {
  apiOptions: { hostname: '127.0.0.1', port: Number(LIVE_PORT), adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
  authOptions: {
    tokenMethod: ['bearer', 'api-key'],
    superadminCredentials: { identifier: 'live@example.com', password: LIVE_PASSWORD },
    requireVerification: false,
  },
  dbConnectionOptions: { type: 'sqljs', synchronize: true, autoSave: false, location: path.join(LIVE_STATE, 'vendure.sqljs') },
  importExportOptions: { importAssetsDir: LIVE_STATE },
  logger: new DefaultLogger({ level: LogLevel.Warn, timestamp: false }),
  paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
  plugins: [
    AssetServerPlugin.init({ route: 'assets', assetUploadDir: path.join(LIVE_STATE, 'assets') }),
    DefaultJobQueuePlugin.init({ pollInterval: 500 }),
  ],
};

const shop = {
  defaultLanguage: 'en',
  defaultZone: 'Europe',
  countries: [{ name: 'Germany', code: 'DE', zone: 'Europe' }],
  taxRates: [{ name: 'Standard Tax', percentage: 19 }],
  shippingMethods: [{ name: 'Standard Shipping', price: 490 }],
  paymentMethods: [{
    name: 'Test payment',
    handler: { code: dummyPaymentHandler.code, arguments: [{ name: 'automaticSettle', value: 'true' }] },
  }],
  collections: [],
};

async function main() {
  const app = await bootstrap(config);
  await populateInitialData(app, shop);
  await app.get(JobQueueService).start();
  console.log('READY');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
