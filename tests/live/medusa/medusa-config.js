// Medusa without its admin pages and without Redis: everything in one process.
const { defineConfig } = require("@medusajs/framework/utils");

module.exports = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: process.env.DATABASE_URL,
    http: {
      storeCors: "*",
      adminCors: "*",
      authCors: "*",
      jwtSecret: process.env.LIVE_PASSWORD,
      cookieSecret: process.env.LIVE_PASSWORD,
    },
  },
});
